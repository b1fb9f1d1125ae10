/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The fields of a preparation's body, as they are written in it; prepare-request.c gives them their sense. */
#pragma once

#include "prepare-request.h"
#include "request-fields.h"

struct prepare_fields {
	char *target, *platform, *source, *root, *md5_hash, *network, *install_pvs, *disk_id;
	char *ce_vm_sku;
	uint64_t disk_size;
	int pagefile, provisioning; /* enum prepare_… */
	bool enable_rdp, strict, discard_hibernation;
	/* what only the running Windows can do */
	bool install_misa, force_misa, domain_unjoin, install_upl, chkdsk, defrag;
	json_t *misa, *mcsio; /* a boolean, or a word of which "Force" is one */
	json_t *xd_reconfigure, *packs, *tags;
	unsigned timeout;
};

extern const struct request_table prepare_table;
