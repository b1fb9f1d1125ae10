/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the parts of the package reader share. */
#pragma once

#include "inf-package.h"

/* Far above any vendor's package; past them ERR_INF_INVALID. */
#define INF_CONFIGS_MAX 1024u
#define INF_DEVICES_MAX 8192u
#define INF_REGS_MAX	8192u /* of one device or service */
#define INF_NOTES_MAX	64u
#define INF_BYTES_MAX	(64u << 20) /* of registry values */
#define INF_STEPS_MAX	200000u	    /* lines of all sections that were followed */

struct inf_reader {
	struct inf_package *p;
	const struct inf_target *target;
	inf_include_fn *include;
	void *data;
	struct inf_reg_skips skips;
	unsigned steps;
};

void inf_note(struct inf_package *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Counts lines that were followed; past the limit an error. */
int inf_count_steps(struct inf_reader *r, size_t n, struct error **err);

/* AddReg or DelReg: all sections that the line names, into one list. */
int inf_follow_regs(struct inf_reader *r, const struct inf *inf, const struct inf_line *l,
	struct inf_regs *regs, struct error **err);

/* The configuration of that install section, which exists. */
int inf_config_read(struct inf_reader *r, const struct inf_section *s, struct inf_config *ret,
	struct error **err);
void inf_config_done(struct inf_config *c);

/* AddService: what the line says, appended to the configuration. */
int inf_service_read(struct inf_reader *r, struct inf_config *c, const struct inf *inf,
	const struct inf_line *l, struct error **err);
void inf_service_done(struct inf_service *s);

/* CopyFiles: every section, and every "@file", of a line. */
int inf_copy_files(
	struct inf_reader *r, struct inf_config *c, const struct inf_line *l, struct error **err);
/* Where a file is, from the INF's folder: SourceDisksFiles and SourceDisksNames. */
int inf_source_path(const struct inf_package *p, const struct inf_target *t, const char *name,
	char **ret, struct error **err);
/* Sources of all files that SourceDisksFiles names: what the driver store keeps. */
int inf_all_sources(
	const struct inf_package *p, const struct inf_target *t, char ***ret, struct error **err);

/* Appends to a NULL-terminated list what it lacks; text is copied. */
void inf_texts_add(char ***list, const char *text);
