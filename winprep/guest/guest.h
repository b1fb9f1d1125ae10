/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A Windows on a disk: where it is, its hives, and what they say. guest_open() reads and judges nothing;
 * guest_check() refuses what must not be prepared. Steps get a const guest.
 */
#pragma once

#include <jansson.h>

#include "guest-find.h"
#include "hive-log.h"
#include "hive.h"
#include "inf.h"
#include "ntfs-file.h"
#include "partition.h"
#include "plan.h"

#define GUEST_CONTROL_SETS_MAX 16

struct guest_hive {
	char *path;			   /* on the volume; NULL: there is no such hive */
	const struct partition *partition; /* BCD: that holds it; else NULL: the Windows volume */
	struct hive *h; /* after log replay; NULL: none, or not readable: see problem */
	struct hive_replay_report replay;
	struct error *problem; /* why it cannot be read; kept, so that inspection goes on */
};

struct guest {
	struct disk *disk;		     /* the caller's */
	const struct partition_table *table; /* the caller's */
	const struct partition *partition;   /* that holds \Windows */
	struct ntfs_volume *volume;
	char *unread; /* why an NTFS volume, which may hold another Windows, cannot be read; or NULL */
	char *root; /* folder of this Windows: "\\Windows" */
	struct guest_hive hives[_HIVE_MAX];

	/* ControlSet001 … as found in SYSTEM; current: Select\Current. */
	unsigned control_sets[GUEST_CONTROL_SETS_MAX], n_control_sets, current_control_set;

	/* SOFTWARE\Microsoft\Windows NT\CurrentVersion */
	unsigned major, minor, build, revision;
	char *product_name, *edition, *install_type, *display_version;
	enum inf_arch arch;
	unsigned product_type;	      /* INF_PRODUCT_… */
	char *computer_name, *domain; /* domain: NULL: a workgroup */

	bool uefi; /* an ESP with a Windows boot manager; else BIOS */
};

struct guest_options {
	/* Where a disk has several: "\\Windows", or with its partition "3:\\Windows"; NULL: the only one. */
	const char *root;
	bool write;		  /* the volume is opened for changes: disk is an overlay */
	bool discard_hibernation; /* as NTFS_DISCARD_HIBERNATION */
};

/* Errors: those of guest_places_choose() (guest-find.h), and of opening the volume. */
int guest_open(struct guest **ret, struct disk *disk, const struct partition_table *table,
	const struct guest_options *o, struct error **err);
/* The same for one that was found before. */
int guest_open_at(struct guest **ret, struct disk *disk, const struct partition_table *table,
	const struct guest_place *place, const struct guest_options *o, struct error **err);
void guest_close(struct guest *g);
DEFINE_CLEANUP(struct guest *, guest_close);

const char *guest_arch_name(enum inf_arch arch); /* "amd64", "arm64", "x86" */
struct inf_target guest_inf_target(const struct guest *g);
/* "ControlSet001\\rest", for the i-th control set; the caller frees. */
char *guest_control_set_key(const struct guest *g, unsigned i, const char *rest);
/* Whether the file is there and holds just these bytes. */
int guest_file_is(const struct guest *g, const char *path, const void *data, size_t len, bool *ret,
	struct error **err);

/*
 * Everything known, as one document: the member "windows" of `cectl local inspect` and GET /v1/disks
 * (docs/inspection.md). Never fails: what cannot be read is null.
 */
json_t *guest_inspect(const struct guest *g);
