/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the strip steps share: which lists hold, and who in the hive still refers to what. */
#pragma once

#include "step.h"

/* The source's lists that hold for this target, one after the other; start with *i = 0; NULL: no more. */
const struct strip_list *strip_next(const struct prep *p, size_t *i);
bool strip_applies(const struct prep *p); /* there is at least one: a step's applies() */
/* The row of the lists that hold for that service; NULL: it is not ours. */
const struct strip_service *strip_find_service(const struct prep *p, const char *name);

/* Calls fn for every device instance "Enum\\PCI\\VEN…\\3&…" of a control set, until it fails. */
typedef int device_fn(void *data, const char *key, hive_node node, struct error **err);
int guest_each_device(
	const struct guest *g, unsigned control_set, device_fn *fn, void *data, struct error **err);
