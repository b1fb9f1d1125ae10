/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "prepare-fields.h"

/*
 * What a body says about the Citrix components: provisioningType, xdReconfigure and the options that need
 * the running Windows. Sets provisioning, controllers, site_guid and needs_first_boot.
 */
int prepare_vda_parse(const struct prepare_fields *f, struct prepare_body *r, struct error **err);
