/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Network identity: `keep` leaves every setting where it is, writes down what the new adapter is to inherit,
 * and has the first start hand it over; `dhcp` takes the addresses away and the source platform's adapters
 * out. Decisions and their
 * reasons: docs/design/network.md.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "mem.h"
#include "net-first-boot.h"
#include "net-ghosts.h"
#include "net-handover.h"
#include "net-reset.h"
#include "net-settings.h"
#include "prepare.h"
#include "strip.h"

static int mac_text(const struct net_adapter *a, char ret[static 24])
{
	if (!a->has_mac)
		return snprintf(ret, 24, "address unknown");
	return snprintf(ret, 24, "%02X-%02X-%02X-%02X-%02X-%02X", a->mac[0], a->mac[1], a->mac[2],
		a->mac[3], a->mac[4], a->mac[5]);
}

/* ---- keep ---- */

/* What there is to inherit, and whether the first start will see to it. */
struct heirloom {
	size_t nics, by_hand;
	const char *missing; /* why no first start can; NULL: it can */
	bool first_start;
};

static int appraise(struct prep *p, unsigned control_set, const struct net_adapters *all,
	struct heirloom *ret, struct error **err)
{
	*ret = (struct heirloom){.missing = first_boot_missing(p->guest)};
	for (size_t i = 0; i < all->n; i++) {
		CLEANUP_FREE char *what = NULL;
		if (all->v[i].kind == NET_TEAM)
			ret->missing = "there is a team or a virtual switch";
		if (all->v[i].kind != NET_NIC)
			continue;
		if (net_describe_static(p->guest, control_set, &all->v[i], &what, err) < 0)
			return -1;
		ret->nics++;
		ret->by_hand += what != NULL;
	}
	bool wanted = p->request->network == NETWORK_KEEP ? ret->nics : ret->by_hand;
	ret->first_start = wanted && !ret->missing;
	return 0;
}

/* Somebody has to see to it, or to the MAC addresses. */
static void warn_of(
	struct prep *p, const struct heirloom *h, const struct net_adapter *a, const char *what)
{
	char mac[24];
	mac_text(a, mac);
	if (!h->first_start)
		op_warn(p->op, "network-first-boot",
			"\"%s\" has %s: the new adapter starts with DHCP, and is to be given them by hand (%s)",
			net_adapter_title(a), what, h->missing);
	else if (h->nics > 1)
		op_warn(p->op, "network-first-boot",
			"\"%s\" has %s: of %zu adapters, the first start tells the new one by its MAC address only (%s)",
			net_adapter_title(a), what, h->nics, mac);
}

static int note_kept(struct prep *p, unsigned control_set, const struct heirloom *h,
	const struct net_adapter *a, struct error **err)
{
	CLEANUP_FREE char *what = NULL;
	char mac[24];
	if (a->kind == NET_OTHER)
		return 0;
	if (net_describe_static(p->guest, control_set, a, &what, err) < 0)
		return -1;
	mac_text(a, mac);
	if (a->kind == NET_TEAM)
		plan_note(p->plan, "adapter \"%s\" is a team or a virtual switch: left as it is",
			net_adapter_title(a));
	else
		plan_note(p->plan,
			"adapter \"%s\" %s (%s): %s; all settings stay and are written down for the new adapter",
			net_adapter_title(a), a->guid, mac, what ? what : "nothing set by hand");
	if (what)
		warn_of(p, h, a, what);
	return 0;
}

static int plan_first_start(struct prep *p, const struct heirloom *h, struct error **err)
{
	if (!h->first_start)
		return first_boot_drop(p, err);
	plan_note(p->plan,
		"the first start on %s (service %s) gives the new adapter the old one's GUID, name and settings; for that Windows restarts once",
		p->to->title, FIRST_BOOT_SERVICE);
	return first_boot_plan(p, err);
}

static int keep_control_set(struct prep *p, unsigned control_set, struct error **err)
{
	CLEANUP(net_adapters_done) struct net_adapters all = {0};
	struct heirloom h;
	if (net_adapters_read(p->guest, control_set, &all, err) < 0 ||
		appraise(p, control_set, &all, &h, err) < 0)
		return -1;
	for (size_t i = 0; i < all.n; i++)
		if (note_kept(p, control_set, &h, &all.v[i], err) < 0)
			return -1;
	if (p->request->network == NETWORK_KEEP && net_note_orphans(p, control_set, &all, err) < 0)
		return -1;
	if (p->guest->hives[HIVE_SOFTWARE].h && net_plan_handover(p, control_set, &all, err) < 0)
		return -1;
	return plan_first_start(p, &h, err);
}

static int keep(struct prep *p, struct error **err)
{
	const struct guest *g = p->guest;
	/* Where its adapters belong, a Windows finds them again: nothing is to be handed over. */
	if (first_boot_origin(p) == p->to && first_boot_pending(g) && first_boot_begun(g)) {
		plan_note(p->plan, "the first start has begun: its service is left to finish");
		return 0;
	}
	if (first_boot_origin(p) == p->to)
		return first_boot_drop(p, err);
	for (unsigned i = 0; i < g->n_control_sets; i++)
		if (g->control_sets[i] == g->current_control_set)
			return keep_control_set(p, i, err);
	return 0;
}

/* ---- dhcp ---- */

static int note_lost(
	struct prep *p, unsigned control_set, const struct net_adapter *a, struct error **err)
{
	CLEANUP_FREE char *what = NULL;
	if (net_describe_static(p->guest, control_set, a, &what, err) < 0)
		return -1;
	if (what && a->kind == NET_NIC)
		plan_note(p->plan, "adapter \"%s\" loses %s", net_adapter_title(a), what);
	else if (what || a->kind == NET_TEAM)
		plan_note(p->plan, "adapter \"%s\" (%s) left as it is: %s", net_adapter_title(a),
			a->kind == NET_TEAM ? "a team or a virtual switch" : a->device,
			what ? what : "nothing set by hand");
	if (a->kind == NET_TEAM)
		op_warn(p->op, "network-team",
			"adapter \"%s\" is a team or a virtual switch: neither it nor its members are changed",
			net_adapter_title(a));
	return 0;
}

/* The wired adapters of the machine; all: also the owner of the strings. */
static struct net_adapters choose_nics(const struct net_adapters *all, bool *ret_team)
{
	struct net_adapters nics = {.v = xcalloc(all->n + 1, sizeof(*nics.v))};
	*ret_team = false;
	for (size_t i = 0; i < all->n; i++) {
		if (all->v[i].kind == NET_NIC)
			nics.v[nics.n++] = all->v[i];
		*ret_team = *ret_team || all->v[i].kind == NET_TEAM;
	}
	return nics;
}

static int reset_nics(
	struct prep *p, unsigned control_set, const struct net_adapters *nics, struct error **err)
{
	if (net_drop_routes(p, control_set, nics, err) < 0)
		return -1;
	if (net_ghosts_go(p))
		return net_purge_ghosts(p, control_set, nics, err);
	for (size_t i = 0; i < nics->n; i++)
		if (net_reset_interface(p, control_set, &nics->v[i], err) < 0)
			return -1;
	return 0;
}

static int dhcp(struct prep *p, struct error **err)
{
	if (first_boot_drop(p, err) < 0 || strip_key(p, HIVE_SOFTWARE, NET_HANDOVER_KEY,
						   "nothing is to be inherited", err) < 0)
		return -1;
	for (unsigned i = 0; i < p->guest->n_control_sets; i++) {
		CLEANUP(net_adapters_done) struct net_adapters all = {0};
		bool team;
		if (net_adapters_read(p->guest, i, &all, err) < 0)
			return -1;
		for (size_t k = 0; k < all.n; k++)
			if (note_lost(p, i, &all.v[k], err) < 0)
				return -1;
		struct net_adapters nics = choose_nics(&all, &team);
		int rc = team ? 0 : reset_nics(p, i, &nics, err);
		if (rc == 0 && !team)
			rc = net_reset_orphans(p, i, &all, err);
		free(nics.v);
		if (rc < 0)
			return -1;
	}
	return 0;
}

static int plan_network(struct prep *p, struct error **err)
{
	return p->request->network == NETWORK_DHCP ? dhcp(p, err) : keep(p, err);
}

const struct step step_network = {
	.name = "network",
	.summary =
		"keep: the first start lets the new adapter inherit; dhcp: take addresses and old adapters out",
	.plan = plan_network,
};
