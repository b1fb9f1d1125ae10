/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where Windows keeps the settings of one network interface, and what of them somebody set by hand. */
#pragma once

#include "net-adapters.h"

/* Keys that hold an interface's settings: prefix, then its GUID, below a control set. */
struct net_place {
	const char *title; /* short, stable: "Tcpip6" */
	const char *prefix;
};
extern const struct net_place net_places[]; /* ends with a row without a title */

/* "ControlSet001\\Services\\…\\{guid}"; the caller frees. */
char *net_place_key(const struct guest *g, unsigned control_set, const struct net_place *place,
	const struct net_adapter *a);

/*
 * The IP stack keeps addresses, routes and interface parameters as values of Control\Nsi\{module}\N whose
 * names hold the adapter's LUID. Calls fn for each of this adapter. module: "{eb004a01-…}".
 */
#define NSI_IPV4      "{eb004a00-9b1a-11d4-9123-0050047759bc}"
#define NSI_IPV6      "{eb004a01-9b1a-11d4-9123-0050047759bc}"
#define NSI_ADDRESSES "10"
#define NSI_ROUTES    "16"
typedef int net_nsi_fn(void *data, const char *module, const char *object, const char *key,
	const char *name, struct error **err);
int net_each_nsi(const struct guest *g, unsigned control_set, const struct net_adapter *a,
	net_nsi_fn *fn, void *data, struct error **err);

/*
 * What was set by hand, in words: "192.0.2.10/255.255.255.0, gateway 192.0.2.1, DNS 192.0.2.53"; NULL where
 * there is nothing. The caller frees.
 */
int net_describe_static(const struct guest *g, unsigned control_set, const struct net_adapter *a,
	char **ret, struct error **err);

/* The texts of a value; no value, or none but empty texts: an empty list. Free with reg_texts_free(). */
char **net_get_texts(struct hive *h, hive_node node, const char *name);
