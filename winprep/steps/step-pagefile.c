/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Page files: where the next Windows makes them, in every control set, and the old ones gone. Facts
 * windows-and-peers 1.8, ips 3.6; the rules are in docs/design/settings.md. A page file that is kept keeps
 * its sizes, too.
 */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "drive-letters.h"
#include "mem.h"
#include "prepare.h"

#define MEMORY "Control\\Session Manager\\Memory Management"

/* What is wanted of the page files; the same for all control sets. */
struct wanted {
	enum pagefile_choice choice;
	char letter; /* system and temporaryDisk: theirs */
	const char *why;
};

/* ---- one entry: "C:\pagefile.sys 4096 8192"; "?:" is where Windows likes ---- */

static char entry_letter(const char *entry)
{
	return entry[0] && entry[1] == ':' ? (char)toupper((unsigned char)entry[0]) : '\0';
}

/* Whether the drive is known to be missing on the target. */
static bool drive_is_gone(const struct prep *p, char letter)
{
	enum letter_use use = guest_letter_use(p->guest, letter);
	if (p->to->temporary_disk && letter == TEMPORARY_LETTER)
		return false; /* asked for, as Azure's instructions do */
	bool leaving = p->from && p->from->temporary_disk && !p->to->temporary_disk;
	return use == LETTER_FREE || use == LETTER_CD || (use == LETTER_OTHER_DISK && leaving);
}

static bool entry_stays(struct prep *p, const struct wanted *w, const char *entry)
{
	char letter = entry_letter(entry);
	if (w->choice == PAGEFILE_NONE)
		return false;
	if (w->choice != PAGEFILE_AUTO)
		return letter == w->letter;
	if (!isalpha((unsigned char)letter)) /* "?:", or nothing that means anything */
		return true;
	if (drive_is_gone(p, letter))
		return false;
	if (guest_letter_use(p->guest, letter) == LETTER_OTHER_DISK)
		plan_note(
			p->plan, "page file \"%s\" left alone: its disk has to come along", entry);
	return true;
}

/* ---- one control set ---- */

/* What Windows wrote down of page files that go: the list, and that it had to make a temporary one. */
static int forget_old(struct prep *p, const char *key, char **kept, struct error **err)
{
	struct hive *h = p->guest->hives[HIVE_SYSTEM].h;
	CLEANUP_REG_VALUE struct reg_value v = {0};
	int found = hive_get(h, hive_find(h, hive_root(h), key), "ExistingPageFiles", &v, err);
	if (found < 0)
		return -1;
	char **files = found ? reg_texts(&v) : NULL;
	int rc = 0;
	for (size_t i = 0; rc == 0 && files && files[i]; i++) {
		bool same = false;
		if (strncmp(files[i], "\\??\\", 4) != 0)
			continue;
		for (size_t k = 0; kept[k]; k++)
			same = same || kept[k][0] == '?' ||
			       entry_letter(kept[k]) == entry_letter(files[i] + 4);
		if (!same)
			rc = plan_reg_list_remove(p->plan, h, HIVE_SYSTEM, key, "ExistingPageFiles",
				files[i], "this page file is not made any more", err);
	}
	reg_texts_free(files);
	return rc < 0 ? -1
		      : plan_reg_unset(p->plan, h, HIVE_SYSTEM, key, "TempPageFile",
				"users are not to be warned of it", err);
}

/* A crash is written to the page file of the system drive first, unless there is a file for it. */
static void note_crash_dump(struct prep *p, unsigned control_set, char **kept)
{
	struct hive *h = p->guest->hives[HIVE_SYSTEM].h;
	CLEANUP_FREE char *key =
		guest_control_set_key(p->guest, control_set, "Control\\CrashControl");
	CLEANUP_FREE char *file =
		hive_get_text(h, hive_find(h, hive_root(h), key), "DedicatedDumpFile");
	for (size_t i = 0; kept[i]; i++)
		if (kept[i][0] == '?' || entry_letter(kept[i]) == guest_system_letter(p->guest))
			return;
	if (!file)
		plan_note(p->plan, "%s: no page file on the system drive: no memory dumps", key);
}

static int set_files(struct prep *p, const struct wanted *w, unsigned control_set, char **old,
	struct error **err)
{
	struct hive *h = p->guest->hives[HIVE_SYSTEM].h;
	CLEANUP_FREE char *key = guest_control_set_key(p->guest, control_set, MEMORY);
	CLEANUP_FREE char *made = NULL;
	size_t n = 0, n_old = 0;
	while (old[n_old])
		n_old++;
	CLEANUP_FREE char **kept = xcalloc(n_old + 2, sizeof(*kept));
	for (size_t i = 0; i < n_old; i++)
		if (entry_stays(p, w, old[i]))
			kept[n++] = old[i];
	char letter = w->letter ? w->letter : guest_system_letter(p->guest);
	bool untouched = n == n_old && (n || w->choice == PAGEFILE_AUTO);
	if (!n && !untouched && w->choice != PAGEFILE_NONE)
		/* Sizes of zero: Windows chooses. Azure's instructions give none. */
		kept[0] = made = xasprintf("%c:\\pagefile.sys%s", letter,
			letter == guest_system_letter(p->guest) ? " 0 0" : "");
	note_crash_dump(p, control_set, kept);
	if (untouched || (n == n_old && w->choice == PAGEFILE_NONE))
		return 0;
	if (plan_reg_set(p->plan, h, HIVE_SYSTEM, key, "PagingFiles",
		    reg_multi_sz((const char *const *)kept), w->why, err) < 0)
		return -1;
	return forget_old(p, key, kept, err);
}

static int plan_control_set(
	struct prep *p, const struct wanted *w, unsigned control_set, struct error **err)
{
	struct hive *h = p->guest->hives[HIVE_SYSTEM].h;
	CLEANUP_FREE char *key = guest_control_set_key(p->guest, control_set, MEMORY);
	CLEANUP_REG_VALUE struct reg_value v = {0};
	hive_node node = hive_find(h, hive_root(h), key);
	if (!node)
		return 0; /* not a whole control set */
	if (hive_get(h, node, "PagingFiles", &v, err) < 0)
		return -1;
	char **old = reg_texts(&v);
	int rc = set_files(p, w, control_set, old, err);
	reg_texts_free(old);
	return rc;
}

/* ---- the whole ---- */

static int decide(struct prep *p, struct wanted *ret, struct error **err)
{
	*ret = (struct wanted){.choice = p->request->pagefile,
		.why = "page files whose drive is missing on the target go to the system drive"};
	if (ret->choice == PAGEFILE_NONE)
		ret->why = "no page file was asked for";
	if (ret->choice == PAGEFILE_TEMPORARY_DISK && !p->to->temporary_disk)
		return err_set(err, ERR_INVALID_FIELD,
			"pagefile: %s has no temporary disk (auto, system or none expected)",
			p->to->title);
	if (ret->choice == PAGEFILE_TEMPORARY_DISK &&
		temporary_letter_is_taken(p->guest, p->from)) {
		plan_note(p->plan,
			"page file on the system drive: %c: is not the temporary disk's letter here",
			TEMPORARY_LETTER);
		ret->choice = PAGEFILE_SYSTEM;
	}
	if (ret->choice == PAGEFILE_SYSTEM) {
		ret->letter = guest_system_letter(p->guest);
		ret->why = "page file on the system drive";
	}
	if (ret->choice == PAGEFILE_TEMPORARY_DISK) {
		ret->letter = TEMPORARY_LETTER;
		ret->why = "page file on the temporary disk";
	}
	return 0;
}

/* Windows makes them anew. A hibernated one was refused when the volume was opened. */
static int delete_files(struct prep *p, struct error **err)
{
	static const char *const files[] = {"\\pagefile.sys", "\\swapfile.sys", "\\hiberfil.sys"};
	for (size_t i = 0; p->guest->volume && i < ARRAY_SIZE(files); i++) {
		struct ntfs_stat st = {0};
		if (ntfs_file_stat(p->guest->volume, files[i], &st, err) < 0)
			return -1;
		if (st.exists && !st.directory)
			plan_file_delete(
				p->plan, files[i], "Windows makes it anew when it needs it");
	}
	return 0;
}

static int plan_pagefile(struct prep *p, struct error **err)
{
	struct wanted w;
	if (decide(p, &w, err) < 0)
		return -1;
	for (unsigned i = 0; i < p->guest->n_control_sets; i++)
		if (plan_control_set(p, &w, i, err) < 0)
			return -1;
	return delete_files(p, err);
}

const struct step step_pagefile = {
	.name = "pagefile",
	.summary = "put page files where the target has a drive for them, remove the old ones",
	.plan = plan_pagefile,
};
