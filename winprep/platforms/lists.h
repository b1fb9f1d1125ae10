/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The removal lists, one file a vendor; platforms.c's rows point to them. */
#pragma once

#include "platform.h"

extern const struct strip_list strip_vmware, strip_azure, strip_xen, strip_aws, strip_gcp,
	strip_nutanix, strip_qemu, strip_qemu_agents, strip_virtualbox, strip_xen_settings;
