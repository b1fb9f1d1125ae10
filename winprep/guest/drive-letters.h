/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which device a drive letter of the guest stands for: SYSTEM\MountedDevices. */
#pragma once

#include "guest.h"
#include "platform.h"

#define TEMPORARY_LETTER 'D' /* Azure's temporary disk */

enum letter_use {
	LETTER_FREE,
	LETTER_SYSTEM,	   /* the volume that holds this Windows */
	LETTER_THIS_DISK,  /* another partition of the same disk */
	LETTER_OTHER_DISK, /* a volume of a disk that is not here */
	LETTER_CD,
	LETTER_OTHER, /* floppy disk, USB stick, … */
};

/* "C" in "C:\Windows", as this Windows calls its own root. */
char guest_system_letter(const struct guest *g);
/* The name of the letter's value in MountedDevices: "\DosDevices\D:"; the caller frees. */
char *drive_letter_name(char letter);
enum letter_use guest_letter_use(const struct guest *g, char letter);
/* The device behind a letter that is no disk: "\??\SCSI#CdRom&Ven_…"; NULL: it has none. The caller frees. */
char *guest_letter_device(const struct guest *g, char letter);
/*
 * Whether a volume that is no temporary disk has its letter: that volume would get what is meant for the
 * temporary disk. A CD-ROM drive's letter is made free (settings-letters.c). from: the source platform or NULL.
 */
bool temporary_letter_is_taken(const struct guest *g, const struct platform *from);
