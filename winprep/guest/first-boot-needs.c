/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "first-boot-needs.h"

#include <string.h>

#include "mem.h"
#include "strbuf.h"
#include "vda-facts.h"

static const struct {
	const char *option;
	enum vda_component component;
} installs[] = {
	{"installMisa", VDA_MISA},
	{"installPvs", VDA_PVS},
	{"installUpl", VDA_UPL},
};

/* -1: it installs nothing that could be there already. */
static int component_of(const char *option)
{
	for (size_t i = 0; i < ARRAY_SIZE(installs); i++)
		if (strcmp(installs[i].option, option) == 0)
			return (int)installs[i].component;
	return -1;
}

int first_boot_needs_check(const struct prepare_request *r, const struct guest *guest,
	struct plan *plan, struct error **err)
{
	CLEANUP(vda_facts_done) struct vda_facts f = {0};
	struct strbuf names CLEANUP(strbuf_done) = {0};
	if (guest && r->needs_first_boot) {
		vda_facts_read(guest, &f);
		plan->step = step_vda.name;
	}
	for (size_t i = 0; r->needs_first_boot && r->needs_first_boot[i]; i++) {
		const char *option = r->needs_first_boot[i];
		int c = component_of(option);
		if (c >= 0 && !guest)
			continue;
		if (c >= 0 && f.components[c].present)
			plan_note(plan, "%s: %s is installed already (%s)", option,
				vda_component_title((enum vda_component)c),
				f.components[c].evidence);
		else
			strbuf_addf(&names, "%s%s", names.len ? ", " : "", option);
	}
	if (!names.len)
		return 0;
	return err_set(err, ERR_NEEDS_FIRST_BOOT, "%s: needs the running Windows", names.data);
}
