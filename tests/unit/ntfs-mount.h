/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Volumes judged by programs that know NTFS: the NTFS-3G driver and its tools. */
#pragma once

/*
 * Runs a shell script within the mounted image; options: of ntfs-3g, "ro" or "rw" first. Returns its
 * exit status. The case is skipped where nothing can be mounted.
 */
int ntfs_mounted(const char *image, const char *options, const char *script, ...)
	__attribute__((format(printf, 3, 4)));
/* Nothing is wrong with the volume: ntfsfix, ntfsresize (every cluster has one owner and is marked) and
 * ntfssecaudit agree. */
void ntfs_check_sound(const char *image);
