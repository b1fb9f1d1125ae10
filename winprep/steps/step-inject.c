/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The target's drivers, from the packs: complete driver packages in the driver database, services, files.
 * A device whose driver the guest has, at least as new, keeps it. docs/design/inject.md.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "driver-choice.h"
#include "driver-install.h"
#include "driver-present.h"
#include "mem.h"
#include "strbuf.h"
#include "strip.h"

/* ---- what to install ---- */

struct installs {
	struct driver_install *v;
	size_t n;
};

static void installs_done(struct installs *all)
{
	for (size_t i = 0; i < all->n; i++)
		driver_install_done(&all->v[i]);
	free(all->v);
}

/* Devices of one INF are installed together. */
static void add_device(struct driver_session *s, struct installs *all,
	const struct pack_inf *source, const struct platform_device *device)
{
	struct driver_install *d = NULL;
	for (size_t i = 0; i < all->n; i++)
		if (all->v[i].source == source)
			d = &all->v[i];
	if (!d) {
		all->v = xrealloc_array(all->v, all->n + 1, sizeof(*all->v));
		d = &all->v[all->n++];
		*d = (struct driver_install){.s = s, .source = source};
	}
	d->devices = xrealloc_array(d->devices, d->n_devices + 1, sizeof(*d->devices));
	d->devices[d->n_devices++] = device;
	d->boot = d->boot || device->boot_group;
}

/*
 * The guest's own driver of the device is no older than that of the pack. One that an earlier preparation
 * brought is looked at value by value again.
 */
static bool is_current(const struct driver_present *have, const struct pack_inf *source)
{
	uint64_t date;
	uint16_t version[4];
	inf_driver_version(source->inf, &date, version);
	if (!have->third_party || strcasecmp(have->package.inf_name, source->inf->name) != 0)
		return false;
	int newer =
		driver_version_compare(have->package.date, have->package.version, date, version);
	return newer > 0 || (newer == 0 && !have->ours);
}

/*
 * A newer package in DRIVERS: Windows keeps no configurations of it there, and installs from it whenever
 * the device shows up. Ours, being older, would never be chosen.
 */
static const struct driver_package *find_newer(
	const struct driver_session *s, const struct pack_inf *source)
{
	uint64_t date;
	uint16_t version[4];
	inf_driver_version(source->inf, &date, version);
	for (size_t i = 0; i < s->present.n; i++) {
		const struct driver_package *d = &s->present.v[i];
		if (d->hive == HIVE_DRIVERS && strcasecmp(d->inf_name, source->inf->name) == 0 &&
			!strip_owns_package(s->p, d) &&
			driver_version_compare(d->date, d->version, date, version) > 0)
			return d;
	}
	return NULL;
}

/* ret_has: it has a driver, whoever brings it. */
static int choose(struct driver_session *s, struct installs *all,
	const struct platform_device *device, bool *ret_has, struct error **err)
{
	CLEANUP(driver_present_done) struct driver_present have = {0};
	CLEANUP_FREE char *why = NULL;
	const struct pack_inf *source = driver_choose(s->p, device, &why);
	if (driver_find_present(s->p, device, &have, err) < 0)
		return -1;
	*ret_has = source || have.found;
	const struct driver_package *newer =
		source && !device->boot_group && !device->boots ? find_newer(s, source) : NULL;
	if (newer) {
		plan_note(s->p->plan, "%s (%s): %s of this Windows is newer than that of the packs",
			device->title, device->id, newer->published);
		source = NULL;
	} else if (source && have.found && is_current(&have, source)) {
		plan_note(s->p->plan,
			"%s (%s): %s of this Windows is no older than that of the packs",
			device->title, device->id, have.published);
		source = NULL;
	} else if (!source) {
		plan_note(s->p->plan, "%s (%s): %s%s%s", device->title, device->id,
			have.found ? "this Windows has a driver" : "no driver",
			why && *why ? "; the packs have: " : "", why ? why : "");
	}
	if (source)
		add_device(s, all, source, device);
	else if (have.found && (device->boot_group || device->boots))
		return driver_enable_present(s->p, &have, err);
	return 0;
}

/* ---- ---- */

static int install(struct driver_install *d, struct error **err)
{
	if (driver_install_prepare(d, err) < 0)
		return -1;
	for (size_t i = 0; d->package->notes && d->package->notes[i]; i++)
		plan_note(d->s->p->plan, "%s", d->package->notes[i]);
	if (driver_plan_files(d, err) < 0 || driver_plan_lockdown(d, err) < 0 ||
		driver_plan_database(d, err) < 0)
		return -1;
	return driver_plan_services(d, err);
}

static bool has_devices(const struct prep *p)
{
	return p->to->devices != NULL;
}

/* Windows starts, and nobody reaches it. */
static void warn_of_no_network(const struct prep *p)
{
	struct strbuf devices CLEANUP(strbuf_done) = {0};
	for (const struct platform_device *d = p->to->devices; d->id; d++)
		if (d->nic)
			strbuf_addf(
				&devices, "%s%s (%s)", devices.len ? ", " : "", d->title, d->id);
	op_warn(p->op, "network-driver-missing",
		"this Windows has no network driver for %s, nor have the packs: %s", p->to->title,
		devices.data);
}

static int plan_inject(struct prep *p, struct error **err)
{
	CLEANUP(driver_session_done) struct driver_session s = {0};
	CLEANUP(installs_done) struct installs all = {0};
	if (driver_session_open(&s, p, err) < 0)
		return -1;
	bool wants_nic = false, has_nic = false;
	for (const struct platform_device *d = p->to->devices; d->id; d++) {
		bool has = false;
		if (choose(&s, &all, d, &has, err) < 0)
			return -1;
		wants_nic = wants_nic || d->nic;
		has_nic = has_nic || (d->nic && has);
	}
	if (wants_nic && !has_nic)
		warn_of_no_network(p);
	for (size_t i = 0; i < all.n; i++)
		if (install(&all.v[i], err) < 0)
			return -1;
	return 0;
}

const struct step step_inject = {
	.name = "inject",
	.summary = "install the target's drivers from the driver packs",
	.applies = has_devices,
	.plan = plan_inject,
};
