/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which Citrix components a Windows has, in which version, and where its VDA registers: read off the hives
 * alone. Facts ips 4.1 (registration), 4.3 to 4.7 (detection).
 */
#pragma once

#include "guest.h"

enum vda_component {
	VDA_AGENT,  /* Virtual Delivery Agent */
	VDA_MISA,   /* Machine Identity Service Agent */
	VDA_MCS_IO, /* MCS I/O driver */
	VDA_PVS,    /* Provisioning target device */
	VDA_UPL,    /* user personalization layer */
	VDA_UPM,    /* Profile Management */
	VDA_WEM,    /* Workspace Environment Management agent */
	_VDA_COMPONENT_MAX
};
const char *vda_component_key(enum vda_component c);   /* "misa": in JSON */
const char *vda_component_title(enum vda_component c); /* "Machine Identity Service Agent" */

struct vda_component_facts {
	bool present;
	char *version;	/* of its entry among the installed programs; NULL: it has none */
	char *evidence; /* what was found, in words; NULL: not present */
};

/* Where a VDA is told to register, from one key; texts as they are there, NULL: no such value. */
struct vda_registration {
	const char *key; /* below SOFTWARE; NULL: no such key */
	char *controllers; /* ListOfDDCs: names with spaces between them, maybe in groups "(a b) (c d)" */
	char *site_guid; /* FarmGUID: ListOfDDCs outranks it */
	char *sids;	 /* ListOfSIDs */
};

struct vda_facts {
	struct vda_component_facts components[_VDA_COMPONENT_MAX];
	struct vda_registration local; /* Citrix\VirtualDesktopAgent, native or Wow6432Node */
	struct vda_registration
		policy; /* Policies\Citrix\VirtualDesktopAgent: outranks the local one */
};

/* Never fails: what cannot be read is as if it were not there. */
void vda_facts_read(const struct guest *g, struct vda_facts *ret);
void vda_facts_done(struct vda_facts *f);
json_t *vda_facts_to_json(const struct vda_facts *f);

/*
 * The release that a version means: "1912" for "1912.0.5000.5174" and for "7.24.0.0"; false where it cannot
 * be told. *ret_update: cumulative update, 0 where there is none.
 */
bool vda_release(const char *version, char ret[static 8], unsigned *ret_update);
