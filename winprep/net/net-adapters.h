/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Network adapters of one control set: every device of class Net, with what ties its pieces together: the
 * device's instance, the number below the class, the interface's GUID and its LUID.
 */
#pragma once

#include "guest.h"

#define NET_CLASS "{4d36e972-e325-11ce-bfc1-08002be10318}"

enum net_kind {
	NET_NIC,   /* a wired adapter on a bus that comes with the machine: PCI, VMBus, Xen */
	NET_TEAM,  /* a team or a virtual switch's own adapter: what it stands on cannot be told */
	NET_OTHER, /* loopback, WAN miniports, Wi-Fi, Bluetooth, USB …: not the platform's */
};

struct net_adapter {
	enum net_kind kind;
	char *device; /* instance, below Enum: "PCI\\VEN_8086&DEV_10D3…\\000C…" */
	char *number; /* below the class: "0001" */
	char *guid;   /* NetCfgInstanceId, with braces, as it is written there; always a GUID */
	char *name;   /* of the connection, any language; NULL: none */
	char *description; /* DriverDesc; NULL: none */
	char *container;   /* ContainerID; NULL: none */
	char *friendly;	   /* description, " #2" where there are several; NULL: none */
	char luid[17]; /* 16 hex digits as Control\Nsi names values; "": NetLuidIndex is missing */
	uint32_t luid_index;
	uint32_t type; /* *IfType: 6 Ethernet */
	uint8_t mac[6];
	bool has_mac; /* the permanent address, or the one it used last */
};

struct net_adapters {
	struct net_adapter *v;
	size_t n;
};

/* Devices that are half there (no class key, no GUID) are left out. */
int net_adapters_read(
	const struct guest *g, unsigned control_set, struct net_adapters *ret, struct error **err);
void net_adapter_done(struct net_adapter *a);
void net_adapters_done(struct net_adapters *a);
/* Name, or what stands for it, for messages. */
const char *net_adapter_title(const struct net_adapter *a);
