/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What an INF means for one Windows: the driver package as SetupAPI would install it. Directives that
 * have a meaning here, and those that are left out on purpose, are in inf-directives.h.
 */
#pragma once

#include "guid.h"
#include "inf-reg.h"

/* A file of the package. Paths have '\\' between parts, and no ".." in them. */
struct inf_file {
	char *source; /* from the INF's folder: "amd64\\netkvm.sys" */
	char *name;   /* at its destination */
	uint32_t dirid;
	char *subdir; /* below dirid; "" for none */
};

struct inf_service {
	char *name;
	uint32_t flags;		      /* of AddService */
	uint32_t type, start, errors; /* as the registry has them */
	char *group, *binary;	      /* "" for none; binary with its dirid: "%12%\\x.sys" */
	char *display, *description;  /* as written, tokens unreplaced; "" for none */
	char **depends;		      /* NULL-terminated; NULL: none */
	struct inf_regs regs;	      /* below the service's key */
	char *event_log, *event_source;
	struct inf_regs event_regs; /* below EventLog\LOG\SOURCE */
};

/* An install section as the driver database has it: a configuration. */
struct inf_config {
	char *name; /* of the section found: "vmci.install.x64.NT" */
	unsigned scope;
	char *service;		      /* of the device; NULL: the INF says nothing; "": none */
	struct inf_regs device;	      /* .HW: the device's hardware key */
	struct inf_regs driver;	      /* its software key */
	char **upper, **lower;	      /* filters; NULL-terminated; NULL: none */
	char **includes;	      /* INFs that Include names */
	struct inf_service *services; /* what AddService of this configuration makes */
	size_t n_services;
	struct inf_file *files;
	size_t n_files;
	uint8_t feature_score;
	bool reboot;
};
/* Bits of scope: which sections there are (read off real hives). */
enum {
	INF_SCOPE_INSTALL = 1,
	INF_SCOPE_HW = 2,
	INF_SCOPE_SERVICES = 4,
	INF_SCOPE_INTERFACES = 8,
	INF_SCOPE_WDF = 0x100
};

/* A device id that the package claims. */
struct inf_device {
	char *id;
	size_t config;			  /* index */
	bool hardware, compatible;	  /* first id of a models line; a later one */
	char *description, *manufacturer; /* as written: "%token%" */
};

struct inf_package {
	const struct inf *inf;		       /* the caller's */
	char *provider, *class_name, *catalog; /* "" for none */
	struct guid class_guid;
	uint64_t date; /* FILETIME of DriverVer; 0: none */
	uint16_t version[4];
	bool lockdown;
	struct inf_config *configs;
	size_t n_configs;
	struct inf_device *devices;
	size_t n_devices;
	char **notes; /* what was left out, and why; NULL-terminated; NULL: nothing */
	size_t n_notes;
};

/* An INF that Include names; NULL: this Windows does not have it. */
typedef const struct inf *inf_include_fn(void *data, const char *name);

/*
 * Every model of the INF that holds for the target. ERR_INF_INVALID where the file contradicts itself:
 * a section that is named and missing, a path that leads out, no class.
 */
int inf_package_read(struct inf_package **ret, const struct inf *inf, const struct inf_target *t,
	inf_include_fn *include, void *data, struct error **err);
void inf_package_free(struct inf_package *p);
DEFINE_CLEANUP(struct inf_package *, inf_package_free);

/* DriverVer of an INF alone; false where it says none. */
bool inf_driver_version(const struct inf *inf, uint64_t *ret_date, uint16_t ret_version[4]);
