/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A driver package on its way into a guest: what the step inject plans, part by part. docs/design/inject.md
 * says what is written where, and why.
 */
#pragma once

#include "driver-db.h"
#include "inf-package.h"
#include "pack.h"
#include "step.h"

#define DRIVER_OEM_MAX 10000u

/* What one run of the step keeps track of. */
struct driver_session {
	struct prep *p;
	struct inf_target target;
	struct driver_packages present; /* third-party packages of the guest */
	bool oem_used[DRIVER_OEM_MAX];	/* numbers not free */
	struct inf **included; /* INFs of the guest that packages include; NULL-terminated */
	char **services;       /* already planned; NULL-terminated */
	char **files;
};
int driver_session_open(struct driver_session *s, struct prep *p, struct error **err);
void driver_session_done(struct driver_session *s);

struct driver_install {
	struct driver_session *s;
	const struct pack_inf *source;
	struct inf_package *package;
	const struct platform_device **devices; /* of the target, that it is for */
	size_t n_devices;
	bool boot;	   /* one of them is needed to start */
	bool early;	   /* so, or a driver of theirs starts at boot of its own */
	bool *wanted;	   /* per configuration: one of the devices takes it */
	enum hive_id hive; /* where the package is described */
	char *key, *published;
	uint8_t *catalog; /* its bytes; NULL: none */
	size_t catalog_size;
	char **tokens; /* whose strings were planned; NULL-terminated */
};
void driver_install_done(struct driver_install *d);

/* Reads the package, and finds its place in the guest: name, number, hive. */
int driver_install_prepare(struct driver_install *d, struct error **err);
/* DriverDatabase. */
int driver_plan_database(struct driver_install *d, struct error **err);
/* Services keys, in every control set. */
int driver_plan_services(struct driver_install *d, struct error **err);
/* PnpLockdownFiles, where the INF asks for it. */
int driver_plan_lockdown(struct driver_install *d, struct error **err);
/* Driver store, INF, catalog, and the files in the system's folders. */
int driver_plan_files(struct driver_install *d, struct error **err);

/* 16 hex digits from the content of the package: the same package always has the same name. */
int driver_content_id(struct driver_install *d, char ret[static 17], struct error **err);

/*
 * Where a dirid is below the Windows folder, in the driver store for 13: "System32\\drivers"; NULL: not
 * there, or not known. The caller frees.
 */
char *driver_dirid_folder(const struct driver_install *d, uint32_t dirid);
