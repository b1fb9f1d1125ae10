/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "guest.h"
#include "mem.h"

char *guest_control_set_key(const struct guest *g, unsigned i, const char *rest)
{
	return xasprintf("ControlSet%03u\\%s", g->control_sets[i], rest);
}

struct inf_target guest_inf_target(const struct guest *g)
{
	return (struct inf_target){.arch = g->arch,
		.major = g->major,
		.minor = g->minor,
		.build = g->build,
		.product_type = g->product_type};
}
