/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The verb "prepare": the request becomes what winprep understands, the disk is claimed, the packs are
 * opened; prepare_run() does the work and tells its plan before the disk is written to.
 */
#include <libgen.h>

#include "io.h"
#include "jsonx.h"
#include "mem.h"
#include "prepare-request.h"
#include "prepare.h"
#include "worker-packs.h"
#include "worker-protocol.h"
#include "worker-report.h"
#include "worker-sandbox.h"
#include "worker.h"

/* Of a line of the protocol, and of the result that goes into a job's record. */
#define PLAN_MAX   (900u << 10)
#define REPORT_MAX (160u << 10)

#define SAME(ours, theirs) _Static_assert((int)(ours) == (int)(theirs), "two names of one choice")
SAME(PREPARE_PAGEFILE_AUTO, PAGEFILE_AUTO);
SAME(PREPARE_PAGEFILE_SYSTEM, PAGEFILE_SYSTEM);
SAME(PREPARE_PAGEFILE_TEMPORARY_DISK, PAGEFILE_TEMPORARY_DISK);
SAME(PREPARE_PAGEFILE_NONE, PAGEFILE_NONE);
SAME(PREPARE_NETWORK_UNSAID, NETWORK_UNSAID);
SAME(PREPARE_NETWORK_KEEP, NETWORK_KEEP);
SAME(PREPARE_NETWORK_DHCP, NETWORK_DHCP);
SAME(PREPARE_PROVISIONING_NONE, PROVISIONING_NONE);
SAME(PREPARE_PROVISIONING_MCS, PROVISIONING_MCS);
SAME(PREPARE_PROVISIONING_PVS, PROVISIONING_PVS);

struct preparation {
	struct worker *w;
	struct prepare_body *body;
	struct disk *disk;
	char *journal;
	struct worker_packs packs;
	struct prepare_result result;
	int64_t start_us;
};

static void preparation_done(struct preparation *p)
{
	disk_close(p->disk);
	prepare_request_free(p->body);
	worker_packs_done(&p->packs);
	json_decref(p->result.report);
	free(p->journal);
}

static int take_request(struct preparation *p, struct error **err)
{
	if (!p->w->request)
		return err_set(err, ERR_MISSING_FIELD, "field \"request\" is missing");
	unsigned flags = p->w->local ? PREPARE_REQUEST_LOCAL : 0;
	if (prepare_request_parse(p->w->request, flags, &p->body, err) < 0)
		return -1;
	worker_tell_warnings(p->w, p->body->warnings);
	return 0;
}

static void tell_plan(void *data, const json_t *report)
{
	const struct preparation *p = data;
	json_t *plan = report_bounded(report, PLAN_MAX);
	jsonx_set_string(plan, "job", "prepare");
	jsonx_set(plan, "disk", worker_disk_json(p->disk));
	jsonx_set(plan, "ignoredFields", json_incref(p->body->ignored));
	worker_emit_body(WORKER_PLAN, plan);
}

static struct prepare_request winprep_request(struct preparation *p)
{
	const struct prepare_body *b = p->body;
	return (struct prepare_request){
		.target = (char *)b->target,
		.source = (char *)b->source,
		.root = b->root,
		.md5_hash = b->md5_hash,
		.disk_size = b->disk_size,
		.pagefile = (enum pagefile_choice)b->pagefile,
		.network = (enum network_choice)b->network,
		.provisioning = (enum provisioning)b->provisioning,
		.enable_rdp = b->enable_rdp,
		.strict = b->strict,
		.controllers = b->controllers,
		.site_guid = b->site_guid,
		.needs_first_boot = b->needs_first_boot,
		.discard_hibernation = b->discard_hibernation,
		.ignored = b->ignored,
		.warnings = b->warnings,
		.planned = tell_plan,
		.planned_data = p,
	};
}

static json_t *result_json(const struct preparation *p)
{
	json_t *o = json_object(), *artifacts = json_object();
	const json_t *report = p->result.report;
	jsonx_set_string(artifacts, "target", p->body->target);
	jsonx_set(artifacts, "source", json_incref(json_object_get(report, "source")));
	jsonx_set_bool(artifacts, "changed", p->result.changed && !p->w->dry_run);
	jsonx_set_u64(artifacts, "bytesChanged", p->w->dry_run ? 0 : p->result.bytes_changed);
	jsonx_set(o, "artifacts", artifacts);
	jsonx_set(o, "report", report_bounded(report, REPORT_MAX));
	jsonx_set_bool(o, "dryRun", p->w->dry_run);
	jsonx_set(o, "durationSeconds", json_real((double)(op_now_us() - p->start_us) / 1e6));
	jsonx_set(o, "ignoredFields", json_incref(p->body->ignored));
	return o;
}

/* A machine that ends in the middle of the commit takes the rest of it along. */
static void warn_of_memory(const struct preparation *p)
{
	CLEANUP_FREE char *folder = xstrdup(p->journal);
	if (!p->w->dry_run && p->disk->block_device && path_in_memory(dirname(folder)))
		op_warn(&p->w->op, "journal-in-memory",
			"the journal \"%s\" is in this machine's memory: if the machine ends while the disk is written to, the disk stays half written",
			p->journal);
}

static int run(struct preparation *p, json_t **ret, struct error **err)
{
	struct worker *w = p->w;
	if (take_request(p, err) < 0 || hive_prepare_process(err) < 0 || sandbox_lock(err) < 0 ||
		worker_claim_disk(w, !w->dry_run, &p->disk, err) < 0 ||
		worker_journal(w, p->disk, &p->journal, err) < 0 ||
		worker_packs_open(w, p->body->packs, &p->packs, err) < 0)
		return -1;
	warn_of_memory(p);
	struct prepare_request request = winprep_request(p);
	if (prepare_run(p->disk, &request, p->packs.set, p->journal, w->dry_run, &w->op, &p->result,
		    err) < 0)
		return -1;
	*ret = result_json(p);
	return 0;
}

int worker_prepare(struct worker *w, json_t **ret, struct error **err)
{
	CLEANUP(preparation_done) struct preparation p = {.w = w, .start_us = op_now_us()};
	return run(&p, ret, err);
}
