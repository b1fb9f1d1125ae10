/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * INF files: the syntax that SetupAPI reads ("General syntax rules for INF files", Microsoft driver
 * documentation) and the choices it makes by architecture and Windows version. What a directive means
 * for the driver database is decided elsewhere; here is what the file says.
 *
 * Names of sections, keys and tokens are compared without regard to ASCII case. Sections of the same
 * name are one section. All text is UTF-8, whatever the file's encoding was.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "errors.h"

struct inf_line {
	unsigned number; /* in the file, from 1 */
	char *key;	 /* before '='; NULL where there is none */
	char **fields;	 /* comma-separated, quotes removed, %tokens% not yet replaced */
	size_t n;
};

struct inf_section {
	char *name;
	struct inf_line *lines;
	size_t n, cap;
};

struct inf {
	char *name; /* of the file, lower case, for messages */
	struct inf_section *sections;
	size_t n, cap;
};

/* Limits that no real file comes near; past them ERR_INF_INVALID. */
#define INF_SIZE_MAX	 (8u << 20)
#define INF_LINES_MAX	 400000u
#define INF_SECTIONS_MAX 20000u

/*
 * UTF-16 (by its mark or its look), UTF-8, else Windows-1252. ERR_INF_INVALID names the line: a section
 * header that does not end, no [Version], more than the limits.
 */
int inf_parse(
	struct inf **ret, const void *data, size_t size, const char *name, struct error **err);
void inf_free(struct inf *inf);
DEFINE_CLEANUP(struct inf *, inf_free);

/* NULL where there is no such section. */
const struct inf_section *inf_section(const struct inf *inf, const char *name);
/* The section "NAME.SUFFIX". */
const struct inf_section *inf_section_suffixed(
	const struct inf *inf, const char *name, const char *suffix);
/* The first line with that key; NULL where there is none. */
const struct inf_line *inf_line(const struct inf_section *section, const char *key);
/* Field i, or "" where the line has fewer. Never NULL. */
const char *inf_field(const struct inf_line *line, size_t i);
/* Field i with %tokens% replaced; the caller frees. */
char *inf_text(const struct inf *inf, const struct inf_line *line, size_t i);
/* A number as INFs write it: decimal or 0x hexadecimal; false where it is none. */
bool inf_number(const char *text, uint32_t *ret);

/*
 * Replaces %tokens% by [Strings.0409], else [Strings], else any [Strings.xxxx]; "%%" is one percent
 * sign; an unknown token stays as it is. The caller frees.
 */
char *inf_expand(const struct inf *inf, const char *text);

/* ---- which sections hold for a Windows ---- */

enum inf_arch { INF_X86, INF_AMD64, INF_ARM64 };
enum { INF_PRODUCT_WORKSTATION = 1, INF_PRODUCT_DOMAIN_CONTROLLER = 2, INF_PRODUCT_SERVER = 3 };

struct inf_target {
	enum inf_arch arch;
	unsigned major, minor, build;
	unsigned product_type; /* INF_PRODUCT_… */
	unsigned suite_mask;   /* VER_SUITE_… */
};

/*
 * Whether a TargetOSVersion ("NTamd64.10.0...17763") admits the target, and how specific it is: among
 * those that admit it SetupAPI takes the highest. 0: does not admit.
 */
uint64_t inf_decoration_rank(const char *decoration, const struct inf_target *t);

/* One line of a models section: a device this INF installs. */
struct inf_model {
	const struct inf_line *line;
	const char *description, *install, *manufacturer; /* as written, tokens unreplaced */
	const char *const *ids; /* hardware id, then compatible ids, as written */
	size_t n_ids;
	const struct inf_section *section;
};

/* The models that hold for the target, in the file's order. The caller frees the array, not its parts. */
size_t inf_models(const struct inf *inf, const struct inf_target *t, struct inf_model **ret);

/*
 * The install section that SetupAPI uses for that name: "NAME.ntamd64", else "NAME.nt", else "NAME"; NULL
 * where none exists.
 */
const struct inf_section *inf_install_section(
	const struct inf *inf, const char *name, const struct inf_target *t);
