/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The temporary disk of Azure wants to be D:, and a CD-ROM drive had that letter nearly everywhere else.
 * The letter of a drive that stays behind is given up. A drive of Microsoft's is there again on the target:
 * it gets another letter. Data volumes keep theirs, whatever comes of it: programs point there.
 */
#include <string.h>

#include "drive-letters.h"
#include "mem.h"
#include "settings.h"

#define WHY "D: is for the temporary disk"

/* From the end, where Windows gives out letters last. */
static char last_free_letter(const struct guest *g)
{
	for (char letter = 'Z'; letter > TEMPORARY_LETTER; letter--)
		if (guest_letter_use(g, letter) == LETTER_FREE)
			return letter;
	return '\0';
}

static bool is_microsofts(const char *device)
{
	return strcasestr(device, "#CdRom&Ven_Msft&") || strcasestr(device, "#CdRomMsft_");
}

static int move_cd(struct prep *p, struct error **err)
{
	struct hive *h = p->guest->hives[HIVE_SYSTEM].h;
	CLEANUP_FREE char *device = guest_letter_device(p->guest, TEMPORARY_LETTER);
	CLEANUP_FREE char *name = drive_letter_name(TEMPORARY_LETTER);
	char letter = is_microsofts(device) ? last_free_letter(p->guest) : '\0';
	if (letter) {
		struct reg_value value = {0};
		CLEANUP_FREE char *other = drive_letter_name(letter);
		if (hive_get(h, hive_find(h, hive_root(h), "MountedDevices"), name, &value, err) <
				0 ||
			plan_reg_set(p->plan, h, HIVE_SYSTEM, "MountedDevices", other, value, WHY,
				err) < 0)
			return -1;
	}
	return plan_reg_unset(p->plan, h, HIVE_SYSTEM, "MountedDevices", name, WHY, err);
}

int settings_letters(struct prep *p, struct error **err)
{
	if (!p->to->temporary_disk)
		return 0;
	if (guest_letter_use(p->guest, TEMPORARY_LETTER) == LETTER_CD)
		return move_cd(p, err);
	if (temporary_letter_is_taken(p->guest, p->from))
		plan_note(p->plan,
			"%c: belongs to another volume and stays there: the temporary disk gets "
			"another letter",
			TEMPORARY_LETTER);
	return 0;
}
