/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Between the files that make guest_inspect(): each gives one member of the document. */
#pragma once

#include "guest.h"
#include "jsonx.h"

/* null where SYSTEM (or what the member is about) cannot be read. */
json_t *inspect_boot_drivers(const struct guest *g);
json_t *inspect_filters(const struct guest *g);
json_t *inspect_network(const struct guest *g);
json_t *inspect_first_boot(const struct guest *g);
json_t *inspect_hives(const struct guest *g);
json_t *inspect_pagefile(const struct guest *g);
json_t *inspect_hibernation(const struct guest *g);
json_t *inspect_servicing(const struct guest *g);
json_t *inspect_setup(const struct guest *g);
json_t *inspect_compact_os(const struct guest *g);
json_t *inspect_security(const struct guest *g);

/* The texts of a MULTI_SZ (or one SZ) as an array; empty where there is no such value. */
json_t *inspect_texts(struct hive *h, hive_node node, const char *name);
/* A text or number value, or null. */
void inspect_set_text(
	json_t *o, const char *member, struct hive *h, hive_node node, const char *name);
void inspect_set_number(
	json_t *o, const char *member, struct hive *h, hive_node node, const char *name);
