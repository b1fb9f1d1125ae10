/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The driver database as Windows keeps it below DriverDatabase, in SYSTEM for the classes a boot needs and
 * in DRIVERS for the others. Facts windows-and-peers 1.4.2 and 1.4.3.
 */
#pragma once

#include "guest.h"
#include "guid.h"

/* A driver package that is in the database. */
struct driver_package {
	enum hive_id hive; /* SYSTEM or DRIVERS */
	char *key;	   /* name of its key: "vmci.inf_amd64_5e38a278d114b813" */
	char *published;   /* "oem2.inf" */
	char *inf_name;	   /* original name: "vmci.inf" */
	char *provider;
	uint64_t date; /* FILETIME of DriverVer, 0 where the package does not say */
	uint16_t version[4];
	/* Staged is not installed: a package without configurations binds no device (pvscsi). */
	bool configured;
};
struct driver_packages {
	struct driver_package *v;
	size_t n;
};

/* The third-party packages ("oemN.inf") of both hives. */
int driver_packages_read(const struct guest *g, struct driver_packages *ret, struct error **err);
void driver_packages_done(struct driver_packages *p);
/* One package by its key: all but where it is and how it is published. */
void driver_package_read_one(struct hive *h, hive_node node, struct driver_package *ret);

/* Version as the database has it: 48 bytes. */
#define DRIVER_VERSION_SIZE 48
void driver_version_blob(uint8_t ret[static DRIVER_VERSION_SIZE], enum inf_arch arch,
	const struct guid *class_guid, uint64_t date, const uint16_t version[4]);
/* Negative, 0, positive: a's date and version are older, the same, newer. */
int driver_version_compare(
	uint64_t a_date, const uint16_t a[4], uint64_t b_date, const uint16_t b[4]);

/* N of "oemN.inf"; false where the name is another. */
bool driver_oem_number(const char *published, uint32_t *ret);

/* Folders and files of the driver store; the caller frees. */
char *driver_store_folder(const struct guest *g, const char *package_key);
char *driver_inf_path(const struct guest *g, const char *published);	 /* \Windows\INF\oemN.inf */
char *driver_pnf_path(const struct guest *g, const char *published);	 /* \Windows\INF\oemN.pnf */
char *driver_catalog_path(const struct guest *g, const char *published); /* CatRoot\…\oemN.cat */
