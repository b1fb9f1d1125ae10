/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The parts of the step "software", in the order they plan; one file each. */
#pragma once

#include "strip.h"

int strip_network(struct prep *p, struct error **err);	/* network providers; Winsock: a note */
int strip_system(struct prep *p, struct error **err);	/* keys of SYSTEM that are no services */
int strip_msi(struct prep *p, struct error **err);	/* Uninstall entries and what MSI knows */
int strip_software(struct prep *p, struct error **err); /* keys and values of SOFTWARE */
int strip_lockdown(struct prep *p, struct error **err); /* PnpLockdownFiles of removed packages */
int strip_tasks(struct prep *p, struct error **err);
int strip_files(struct prep *p, struct error **err);
int strip_hosts(struct prep *p, struct error **err);
int strip_time(struct prep *p, struct error **err);	/* the platform's NTP server */
int strip_licence(struct prep *p, struct error **err);	/* the platform's KMS server */
int strip_settings(struct prep *p, struct error **err); /* the table of settings */

/* Whether path, from the volume's root, is one of the lists' files of this Windows, or below one. */
bool strip_covers_file(const struct prep *p, const char *path);
/* "C:\\folder\\file" as a path from the volume's root, where it is a path with a drive letter; else NULL. */
const char *strip_without_drive(const char *path);
/* The Winsock catalog loads a DLL at or below path. */
bool strip_winsock_uses(const struct prep *p, const char *path);
