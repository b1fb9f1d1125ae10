/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the strip steps share: which lists hold, and who in the hive still refers to what. */
#pragma once

#include "driver-db.h"
#include "step.h"

/* The source's lists that hold for this target, one after the other; start with *i = 0; NULL: no more. */
const struct strip_list *strip_next(const struct prep *p, size_t *i);
bool strip_applies(const struct prep *p); /* there is at least one: a step's applies() */
/* The row of the lists that hold for that service; NULL: it is not ours. */
const struct strip_service *strip_find_service(const struct prep *p, const char *name);

/* The driver package is one of theirs: INF name and provider both say so. */
bool strip_owns_package(const struct prep *p, const struct driver_package *d);
/*
 * An entry of Owners is that package's: "oem2.inf" or "oem2.inf!vmci.inf_amd64_…"; newer Windows write two texts,
 * "oem2.inf" and "!vmci.inf_amd64_…".
 */
bool driver_is_owner(const char *owner, const struct driver_package *d);
/* It is of a package of theirs. */
bool strip_owner_goes(
	const struct prep *p, const struct driver_packages *packages, const char *owner);

/* Owners of a service or a guarded file: 1, 0 where it has none; ERR_HIVE_DAMAGED for absurdly many. */
int strip_read_owners(
	struct hive *h, hive_node node, const char *key, char ***ret, struct error **err);
/* There is such a package at all: Owners outlive their packages. */
bool driver_packages_have(const struct driver_packages *packages, const char *owner);

/* The names in one field of the lists that hold: STRIP_FIELD (files). */
#define STRIP_FIELD(field) offsetof(struct strip_list, field)
bool strip_has(const struct prep *p, size_t field, const char *name); /* but for case */
/* As strip_has(); a listed "prefix*" stands for all that begins so. */
bool strip_matches(const struct prep *p, size_t field, const char *text);
/* A listed path equals path, or is a folder above it. */
bool strip_covers(const struct prep *p, size_t field, const char *path);
typedef int strip_name_fn(struct prep *p, const char *name, struct error **err);
int strip_each(struct prep *p, size_t field, strip_name_fn *fn, struct error **err);

/* plan_…() for the hive of that id; a guest without that hive: nothing. */
struct hive *strip_hive(const struct prep *p, enum hive_id id);
int strip_key(
	struct prep *p, enum hive_id id, const char *key, const char *why, struct error **err);
int strip_value(struct prep *p, enum hive_id id, const char *key, const char *name, const char *why,
	struct error **err);
/* The file or folder, where it exists; a guest without a volume (hives alone): nothing. */
int strip_file(struct prep *p, const char *path, const char *why, struct error **err);

/* Calls fn for every device instance "Enum\\PCI\\VEN…\\3&…" of a control set, until it fails. */
typedef int device_fn(void *data, const char *key, hive_node node, struct error **err);
int guest_each_device(
	const struct guest *g, unsigned control_set, device_fn *fn, void *data, struct error **err);
