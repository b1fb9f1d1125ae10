/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The verb "export". The order is what makes it safe: everything that can be refused is found before
 * the plan is told, and nothing is written before the plan is told.
 *   request, disk, partition table, map, layout, target (opened, not begun), plan | copy, commit
 */
#include <string.h>

#include "jsonx.h"
#include "mem.h"
#include "smb-starter.h"
#include "smb-url.h"
#include "worker-artifacts.h"
#include "worker-map.h"
#include "worker-protocol.h"
#include "worker-sandbox.h"

struct export
{
	struct worker *w;
	struct export_request *request;
	struct disk *disk;
	struct partition_table *table;
	struct allocmap *map;
	struct image_options image;
	struct layout *layout;
	struct pool pool;
	struct smb_starter *starter; /* export to a share; outlives the sink */
	char *target;
	struct sink *sink;
	bool resume;
	int64_t start_us;
};

static void export_done(struct export *e)
{
	layout_free(e->layout);
	allocmap_free(e->map);
	partition_table_free(e->table);
	disk_close(e->disk);
	export_request_free(e->request);
	if (e->pool.base)
		pool_done(&e->pool);
	smb_starter_free(e->starter);
	free(e->target);
}

static int take_request(struct export *e, struct error **err)
{
	if (!e->w->request)
		return err_set(err, ERR_MISSING_FIELD, "field \"request\" is missing");
	unsigned flags = e->w->local ? EXPORT_REQUEST_LOCAL : 0;
	if (export_request_parse(e->w->request, flags, &e->request, err) < 0)
		return -1;
	const struct export_request *r = e->request;
	e->target =
		r->location ? smb_url_append(r->location, r->file_name) : xstrdup(r->output_file);
	worker_tell_warnings(e->w, r->warnings);
	e->image = r->image;
	return worker_seed_image(e->w, &e->image, err) < 0 ? -1
							   : image_options_complete(&e->image, err);
}

/* While the worker may still start programs. */
static int start_smb(struct export *e, struct error **err)
{
	return e->request->location ? smb_starter_new(&e->starter, "/proc/self/exe", err) : 0;
}

static int make_layout(struct export *e, struct error **err)
{
	struct layout *l = NULL;
	if (layout_new(&l, e->disk->size, &e->map->keep, &e->image, err) < 0)
		return -1;
	layout_free(e->layout);
	e->layout = l;
	return 0;
}

/* The bytes that are not holes. A share may store holes as zeros (Windows does): all of the file. */
static int need_bytes(const struct export *e, uint64_t *ret, struct error **err)
{
	uint64_t length = layout_length(e->layout), need = 0;
	if (e->request->location) {
		*ret = length;
		return 0;
	}
	for (uint64_t at = 0; at < length;) {
		struct segment s = layout_segment(e->layout, at);
		if (s.kind != SEGMENT_ZERO)
			need += s.length;
		at += s.length;
		if (op_tick(&e->w->op, at, err) < 0)
			return -1;
	}
	*ret = need;
	return 0;
}

static int open_target(struct export *e, struct error **err)
{
	const struct export_request *r = e->request;
	struct sink_options o = {
		.target = e->target,
		.user = r->user,
		.domain = r->domain,
		.password = r->password,
		.overwrite = r->overwrite,
		.encrypt = r->encrypt,
		.lanes = r->connections,
		.smb_starter = e->starter,
		.pool = &e->pool,
	};
	unsigned n;
	size_t buf_size;
	op_begin(&e->w->op, "target", layout_length(e->layout), 1);
	if (r->output_file && worker_check_target(r->output_file, e->disk, err) < 0)
		return -1;
	if (need_bytes(e, &o.need_bytes, err) < 0)
		return -1;
	copy_pool_shape(r->connections, &n, &buf_size);
	if (pool_init(&e->pool, n, buf_size, err) < 0)
		return -1;
	return sink_open(&e->sink, &o, &e->w->op, err);
}

/* An earlier export that did not end is continued as the very same file: its ids, then the layout anew. */
static int look_for_resume(struct export *e, struct error **err)
{
	struct image_options found = e->image;
	if (copy_resume_options(e->sink, e->map->id, &found, &e->resume, err) < 0)
		return -1;
	/* one that was to have other ids is not what is wanted */
	if (e->w->seed && !guid_equal(&found.file_id, &e->image.file_id))
		e->resume = false;
	if (!e->resume)
		return 0;
	e->image = found;
	return make_layout(e, err);
}

static json_t *plan_json(const struct export *e)
{
	json_t *plan = json_object(), *output = json_object();
	jsonx_set_string(plan, "job", "export");
	jsonx_set(plan, "source", worker_disk_json(e->disk));
	jsonx_set(plan, "partitionTable", partition_table_to_json(e->table));
	jsonx_set(plan, "map", allocmap_to_json(e->map));
	artifacts_set_output(output, e->request, e->layout);
	jsonx_set_u64(output, "dataBytes", layout_data_bytes(e->layout));
	jsonx_set_bool(output, "resume", e->resume);
	jsonx_set_bool(output, "overwrite", e->request->overwrite);
	jsonx_set(plan, "output", output);
	jsonx_set_bool(plan, "hashDisk", e->request->hash_md5);
	jsonx_set(plan, "ignoredFields", json_incref(e->request->ignored));
	jsonx_set(plan, "warnings", json_incref(e->request->warnings));
	return plan;
}

static int make_plan(struct export *e, struct error **err)
{
	const struct allocmap_options o = {
		.keep_excluded = e->request->keep_excluded,
		.whole_disk = e->request->whole_disk,
	};
	if (worker_map(e->w, e->disk, &o, &e->table, &e->map, err) < 0)
		return -1;
	if (make_layout(e, err) < 0 || open_target(e, err) < 0 || look_for_resume(e, err) < 0)
		return -1;
	worker_emit_body(WORKER_PLAN, plan_json(e));
	return 0;
}

static json_t *result_json(const struct export *e, const struct copy_result *copied)
{
	json_t *result = json_object(), *artifacts = json_object();
	if (copied) {
		artifacts_set_hashes(artifacts, copied);
		artifacts_set_output(artifacts, e->request, e->layout);
		artifacts_set_copy(artifacts, copied);
	}
	jsonx_set(result, "artifacts", artifacts);
	jsonx_set_bool(result, "dryRun", e->w->dry_run);
	jsonx_set_bool(result, "resumed", copied && copied->bytes_resumed > 0);
	jsonx_set(result, "durationSeconds", json_real((double)(op_now_us() - e->start_us) / 1e6));
	jsonx_set(result, "ignoredFields", json_incref(e->request->ignored));
	return result;
}

static int run_copy(struct export *e, struct copy_result *ret, struct error **err)
{
	const struct copy_options o = {
		.md5 = e->request->hash_md5,
		.sha256 = e->request->hash_sha256,
		.resume_state = true,
		.source_id = e->map->id,
	};
	return copy_run(e->disk, e->layout, e->sink, &e->pool, &o, 100 - WORKER_MAP_SHARE - 1,
		&e->w->op, ret, err);
}

/*
 * Whether what is on the target is of use to the same request posted again. Where nothing was begun,
 * what is there is an earlier job's. No space: what is there is in the way. A file that is wrong is
 * not to be continued.
 */
static bool keep_partial(const struct worker *w, const struct error *err)
{
	if (!w->op.wrote || !err)
		return true;
	switch ((int)err->code) {
	case ERR_NO_SPACE:
	case ERR_CHECK_FAILED:
	case ERR_IMAGE_CORRUPT:
	case ERR_INTERNAL:
		return false;
	default:
		return true;
	}
}

static int run(struct export *e, json_t **ret, struct error **err)
{
	struct copy_result copied = {0};
	if (take_request(e, err) < 0 || start_smb(e, err) < 0 || sandbox_lock(err) < 0 ||
		worker_open_disk(e->w, &e->disk, err) < 0 ||
		worker_refuse_torn(e->w, e->disk, err) < 0 || make_plan(e, err) < 0)
		return -1;
	if (!e->w->dry_run && run_copy(e, &copied, err) < 0)
		return -1;
	*ret = result_json(e, e->w->dry_run ? NULL : &copied);
	return 0;
}

int worker_export(struct worker *w, json_t **ret, struct error **err)
{
	struct export e = {.w = w, .start_us = op_now_us()};
	int result = run(&e, ret, err);
	if (e.sink)
		sink_close(e.sink, keep_partial(w, *err));
	export_done(&e);
	return result;
}
