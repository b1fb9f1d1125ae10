/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "prepare.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "copy.h"
#include "first-boot-needs.h"
#include "boot-drivers.h"
#include "guest-check.h"
#include "jsonx.h"
#include "mem.h"
#include "plan-apply.h"
#include "plan-room.h"

/* ---- the hash ---- */

/* The first bytes of a disk: platforms round disks up, and the hash is of what was exported. */
struct prefix {
	struct disk disk; /* first */
	struct disk *whole;
};

static int prefix_pread(struct disk *d, void *buf, size_t len, uint64_t offset, struct error **err)
{
	return disk_pread(((struct prefix *)d)->whole, buf, len, offset, err);
}

static const struct disk_ops prefix_ops = {.name = "prefix", .pread = prefix_pread};

/* The exact text is the public contract (facts ips 3.4). */
static int mismatch(const struct prepare_request *r, struct error **err)
{
	return err_set(err, ERR_HASH_MISMATCH, "Expected hash [%s] does not match provided disk",
		r->md5_hash);
}

static int check_hash(
	struct disk *disk, const struct prepare_request *r, struct op *op, struct error **err)
{
	if (!r->md5_hash)
		return 0;
	struct prefix p = {.disk = *disk, .whole = disk};
	p.disk.ops = &prefix_ops;
	p.disk.size = r->disk_size ? r->disk_size : disk->size;
	if (p.disk.size > disk->size)
		return mismatch(r, err);
	const struct copy_options options = {.md5 = true};
	struct copy_result result;
	char hex[33];
	if (copy_hash(&p.disk, NULL, &options, 60, op, &result, err) < 0)
		return -1;
	for (int i = 0; i < 16; i++)
		snprintf(hex + 2 * i, 3, "%02x", result.md5[i]);
	return strcasecmp(hex, r->md5_hash) == 0 ? 0 : mismatch(r, err);
}

/* ---- ---- */

/* What the step had planned so far goes: half of a change is none. */
static void pass_over(struct prep *p, size_t planned, struct error **err)
{
	plan_truncate(p->plan, planned);
	plan_note(p->plan, "left out: %s", (*err)->message);
	op_warn(p->op, err_code_name((*err)->code), "%s", (*err)->message);
	err_free(*err);
	*err = NULL;
}

static int make_plan(struct prep *p, struct error **err)
{
	for (size_t i = 0; steps[i]; i++) {
		const struct step *s = steps[i];
		size_t planned = p->plan->n;
		p->plan->step = s->name;
		if (s->applies && !s->applies(p))
			continue;
		if (s->plan(p, err) == 0)
			continue;
		if (!s->optional || p->request->strict)
			return err_step(err, s->name);
		pass_over(p, planned, err);
	}
	return 0;
}

/* A preparation under way: everything that prepare_run() opened. */
struct run {
	struct disk *disk;
	struct partition_table *table;
	struct overlay *overlay;
	struct guest *guest;
	struct prep prep;
	struct plan plan;
};

static void run_done(struct run *r)
{
	guest_close(r->guest);
	overlay_free(r->overlay);
	partition_table_free(r->table);
	plan_done(&r->plan);
}

static int open_guest(struct run *r, const struct prepare_request *request, bool write,
	struct op *op, struct error **err)
{
	const struct guest_options options = {.root = request->root,
		.write = write,
		.discard_hibernation = request->discard_hibernation};
	guest_close(r->guest);
	r->guest = NULL;
	if (guest_open(&r->guest, overlay_disk(r->overlay), r->table, &options, err) < 0 ||
		guest_check(r->guest, op, err) < 0)
		return -1;
	r->prep.guest = r->guest;
	return 0;
}

static int choose_platforms(struct run *r, const struct prepare_request *request, struct op *op,
	json_t **ret_evidence, struct error **err)
{
	r->prep.to = platform_find(request->target);
	if (!r->prep.to || !r->prep.to->is_target)
		return err_set(
			err, ERR_UNKNOWN_PLATFORM, "target \"%s\" is not known", request->target);
	const struct platform *guessed = guest_source_platform(r->guest, ret_evidence);
	r->prep.from = request->source ? platform_find(request->source) : guessed;
	if (request->source && !r->prep.from)
		return err_set(
			err, ERR_UNKNOWN_PLATFORM, "source \"%s\" is not known", request->source);
	if (guessed && r->prep.from != guessed)
		op_warn(op, "source-differs",
			"the source is said to be %s, what is found in this Windows says %s: what the tools of %s left stays",
			r->prep.from->name, guessed->name, guessed->name);
	return 0;
}

/* Planning again on the result must find nothing to do: this one check tests every step. */
static int verify(
	struct run *r, const struct prepare_request *request, struct op *op, struct error **err)
{
	struct plan applied = r->plan;
	struct op quiet = {0}; /* what there is to warn of was said the first time */
	r->plan = (struct plan){0};
	op_begin(op, "verify", 0, 10);
	int rc = open_guest(r, request, false, &quiet, err);
	r->prep.op = &quiet;
	if (rc == 0)
		rc = make_plan(&r->prep, err);
	r->prep.op = op;
	if (rc == 0 && r->plan.n) {
		CLEANUP_FREE char *text = plan_to_text(&r->plan);
		err_set(err, ERR_VERIFY_FAILED,
			"%zu changes are still to be made after all were made", r->plan.n);
		rc = err_detail(err, "%s", text);
	}
	plan_done(&r->plan);
	r->plan = applied;
	return rc;
}

static json_t *totals(const struct run *r, uint64_t bytes_changed)
{
	json_t *o = json_object();
	size_t files = 0;
	for (size_t i = 0; i < r->plan.n; i++)
		files += r->plan.v[i].kind == ACT_FILE_PUT || r->plan.v[i].kind == ACT_FILE_DELETE;
	jsonx_set_u64(o, "actions", r->plan.n);
	jsonx_set_u64(o, "registry", r->plan.n - files);
	jsonx_set_u64(o, "files", files);
	jsonx_set_u64(o, "bytesChanged", bytes_changed);
	return o;
}

/* Applying marked the actions as done: on the overlay, which is not yet the disk. */
static json_t *report(struct run *r, json_t *evidence, uint64_t bytes_changed, bool committed)
{
	for (size_t i = 0; i < r->plan.n; i++)
		r->plan.v[i].result = committed ? "done" : "planned";
	json_t *o = plan_to_json(&r->plan);
	jsonx_set_string(o, "source", r->prep.from ? r->prep.from->name : NULL);
	jsonx_set_string(o, "target", r->prep.to->name);
	jsonx_set(o, "evidence", evidence ? json_incref(evidence) : json_array());
	jsonx_set(o, "totals", totals(r, bytes_changed));
	return o;
}

static void tell_plan(const struct prepare_request *request, struct run *r, json_t *evidence,
	uint64_t bytes_changed)
{
	if (!request->planned)
		return;
	CLEANUP_JSON json_t *plan = report(r, evidence, bytes_changed, false);
	request->planned(request->planned_data, plan);
}

static int plan_and_apply(struct run *r, const struct prepare_request *request, struct op *op,
	json_t **ret_evidence, struct error **err)
{
	op_begin(op, "inspect", 0, 10);
	if (open_guest(r, request, true, op, err) < 0 ||
		choose_platforms(r, request, op, ret_evidence, err) < 0)
		return -1;
	op_begin(op, "plan", 0, 10);
	if (first_boot_needs_check(request, r->guest, &r->plan, err) < 0 ||
		boot_drivers_check(&r->prep, err) < 0 || make_plan(&r->prep, err) < 0)
		return -1;
	if (r->plan.n == 0)
		return 0;
	if (plan_check(&r->plan, r->guest, err) < 0 || plan_apply(&r->plan, r->guest, op, err) < 0)
		return -1;
	return verify(r, request, op, err);
}

int prepare_run(struct disk *disk, const struct prepare_request *request,
	const struct pack_set *packs, const char *journal, bool dry_run, struct op *op,
	struct prepare_result *ret, struct error **err)
{
	CLEANUP(run_done) struct run r = {.disk = disk};
	r.prep = (struct prep){.request = request, .packs = packs, .plan = &r.plan, .op = op};
	CLEANUP_JSON json_t *evidence = NULL;
	CLEANUP_RANGES struct ranges changed = {0};
	op_begin(op, "table", 0, 1);
	if (first_boot_needs_check(request, NULL, NULL, err) < 0 ||
		partition_table_read(&r.table, disk, op, err) < 0)
		return -1;
	CLEANUP_FREE char *identity = prepare_identity(disk, r.table);
	int recovered = overlay_recover(journal, disk, identity, op, err);
	if (recovered < 0)
		return -1;
	if (recovered)
		op_note(op, "an interrupted commit was completed from \"%s\"", journal);
	else if (check_hash(disk, request, op, err) < 0)
		return -1;
	if (overlay_new(&r.overlay, disk, dry_run ? NULL : journal, identity, err) < 0)
		return -1;
	if (plan_and_apply(&r, request, op, &evidence, err) < 0)
		return plan_volume_full(err);
	overlay_changed(r.overlay, &changed);
	uint64_t bytes = r.plan.n ? ranges_total(&changed) : 0;
	guest_close(r.guest);
	r.guest = NULL;
	tell_plan(request, &r, evidence, bytes);
	bool commit = !dry_run && r.plan.n;
	if (commit && overlay_commit(r.overlay, disk, op, err) < 0)
		return -1;
	*ret = (struct prepare_result){.changed = r.plan.n > 0 || recovered,
		.bytes_changed = bytes,
		.report = report(&r, evidence, bytes, commit)};
	return 0;
}
