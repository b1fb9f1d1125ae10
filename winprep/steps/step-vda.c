/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Citrix' VDA, as far as it can be told offline: the controllers or the site it registers with, what it
 * remembers of the old ones, and what does not go together. Facts ips 3.7 to 3.9 and 4; docs/design/vda.md.
 */
#include <string.h>
#include <strings.h>

#include "mem.h"
#include "prepare.h"
#include "strbuf.h"
#include "vda-caches.h"
#include "vda-facts.h"

#define AGENT_KEY     "Citrix\\VirtualDesktopAgent"
#define AGENT_KEY_WOW "Wow6432Node\\" AGENT_KEY

/* ---- what does not go together ---- */

static bool has(const struct vda_facts *f, enum vda_component c)
{
	return f->components[c].present;
}

static void report_components(struct prep *p, const struct vda_facts *f)
{
	for (int c = 0; c < _VDA_COMPONENT_MAX; c++)
		if (f->components[c].present)
			plan_note(p->plan, "%s %s (%s)", vda_component_title(c),
				f->components[c].version ? f->components[c].version
							 : "of unknown version",
				f->components[c].evidence);
}

static void report_conflicts(struct prep *p, const struct vda_facts *f)
{
	enum provisioning to = p->request->provisioning;
	if (has(f, VDA_PVS) && to != PROVISIONING_PVS)
		op_warn(p->op, "vda-pvs",
			"%s is installed, and the image is not for Citrix Provisioning: uninstall it in Windows",
			vda_component_title(VDA_PVS));
	if (has(f, VDA_PVS) && has(f, VDA_MCS_IO))
		op_warn(p->op, "vda-conflict", "%s and %s do not go together: uninstall one",
			vda_component_title(VDA_PVS), vda_component_title(VDA_MCS_IO));
	if (to == PROVISIONING_MCS && !has(f, VDA_MISA))
		op_warn(p->op, "vda-misa",
			"Machine Creation Services need the %s, which the image does not have",
			vda_component_title(VDA_MISA));
	if (to == PROVISIONING_PVS && !has(f, VDA_PVS))
		op_warn(p->op, "vda-pvs",
			"Citrix Provisioning needs the %s, which the image does not have",
			vda_component_title(VDA_PVS));
}

/* ---- whom it registers with ---- */

/* The installer's own form: names with spaces between them. */
static char *join(char *const *names)
{
	struct strbuf b = {0};
	for (size_t i = 0; names[i]; i++)
		strbuf_addf(&b, "%s%s", i ? " " : "", names[i]);
	return strbuf_take(&b);
}

static int set_registration(
	struct prep *p, const char *key, const char *controllers, struct error **err)
{
	struct hive *h = p->guest->hives[HIVE_SOFTWARE].h;
	const char *site = p->request->site_guid;
	if (controllers)
		return plan_reg_set(p->plan, h, HIVE_SOFTWARE, key, "ListOfDDCs",
			reg_sz(controllers), "xdReconfigure: controllers", err);
	if (plan_reg_unset(p->plan, h, HIVE_SOFTWARE, key, "ListOfDDCs",
		    "it would outrank the site", err) < 0)
		return -1;
	return plan_reg_set(p->plan, h, HIVE_SOFTWARE, key, "FarmGUID", reg_sz(site),
		"xdReconfigure: site_guid", err);
}

/* A policy that says the same does no harm; the domain may bring one back that says something else. */
static void report_policy(struct prep *p, const struct vda_facts *f, const char *controllers)
{
	const struct vda_registration *policy = &f->policy;
	if (policy->controllers && *policy->controllers &&
		!(controllers && strcasecmp(policy->controllers, controllers) == 0))
		op_warn(p->op, "vda-policy",
			"a policy of the image outranks xdReconfigure: ListOfDDCs is \"%s\" in SOFTWARE\\%s",
			policy->controllers, policy->key);
	if (policy->site_guid && *policy->site_guid && !controllers &&
		strcasecmp(policy->site_guid, p->request->site_guid) != 0)
		op_warn(p->op, "vda-policy",
			"a policy of the image outranks xdReconfigure: FarmGUID is \"%s\" in SOFTWARE\\%s",
			policy->site_guid, policy->key);
}

/* A site is found through Active Directory, by desktop Windows only. */
static void report_site(struct prep *p)
{
	if (p->guest->product_type != INF_PRODUCT_WORKSTATION)
		op_warn(p->op, "vda-site",
			"site_guid: only a desktop Windows finds its controllers through a site");
	if (!p->guest->domain)
		op_warn(p->op, "vda-site", "site_guid: this Windows is in no domain");
}

static int reconfigure(struct prep *p, const struct vda_facts *f, struct error **err)
{
	const struct prepare_request *r = p->request;
	struct hive *h = p->guest->hives[HIVE_SOFTWARE].h;
	CLEANUP_FREE char *controllers =
		r->controllers && r->controllers[0] ? join(r->controllers) : NULL;
	if (!has(f, VDA_AGENT))
		return err_set(err, ERR_VDA_MISSING,
			"xdReconfigure: this Windows has no Virtual Delivery Agent");
	if (!controllers)
		report_site(p);
	else if (f->local.site_guid)
		plan_note(p->plan, "FarmGUID left alone: ListOfDDCs outranks it");
	if (set_registration(p, AGENT_KEY, controllers, err) < 0)
		return -1;
	if (hive_find(h, hive_root(h), AGENT_KEY_WOW) &&
		set_registration(p, AGENT_KEY_WOW, controllers, err) < 0)
		return -1;
	report_policy(p, f, controllers);
	return vda_plan_forget(p, err);
}

static int plan_vda(struct prep *p, struct error **err)
{
	CLEANUP(vda_facts_done) struct vda_facts f = {0};
	const struct prepare_request *r = p->request;
	vda_facts_read(p->guest, &f);
	report_components(p, &f);
	report_conflicts(p, &f);
	return (r->controllers && r->controllers[0]) || r->site_guid ? reconfigure(p, &f, err) : 0;
}

const struct step step_vda = {
	.name = "vda",
	.summary = "point the VDA to its controllers or site, clear what it remembers of others",
	.optional = true,
	.plan = plan_vda,
};
