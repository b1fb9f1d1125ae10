/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a disk is, for people and for an appliance that decides what to do with it. */
#include <string.h>

#include "bitlocker.h"
#include "guest-check.h"
#include "jsonx.h"
#include "ntfs-volume.h"
#include "partition.h"
#include "worker-sandbox.h"
#include "worker.h"

struct inspection {
	struct worker *w;
	struct disk *disk;
	json_t *problems;   /* of {code, message, partition} */
	unsigned partition; /* that warnings are about */
};

static void add_problem(
	struct inspection *in, unsigned partition, const char *code, const char *message)
{
	json_t *o = json_object();
	jsonx_set_string(o, "code", code);
	jsonx_set_string(o, "message", message);
	jsonx_set(o, "partition", partition ? json_integer(partition) : json_null());
	json_array_append_new(in->problems, o);
}

/* A disk that is not as it should be is a finding; a stop is the end. Frees and clears *err. */
static int as_problem(struct inspection *in, unsigned partition, struct error **err)
{
	enum err_class class = err_code_class((*err)->code);
	if (class == ERR_CLASS_CANCEL || (*err)->code == ERR_TIMEOUT)
		return -1;
	add_problem(in, partition, err_code_name((*err)->code), (*err)->message);
	err_free(*err);
	*err = NULL;
	return 0;
}

static json_t *ntfs_json(const struct ntfs_volume_facts *f, bool used_known)
{
	json_t *o = json_object();
	jsonx_set_u64(o, "clusterSize", f->cluster_size);
	jsonx_set_u64(o, "sizeBytes", f->clusters * f->cluster_size);
	jsonx_set(o, "usedBytes", json_null());
	jsonx_set(o, "freeBytes", json_null());
	if (used_known) {
		jsonx_set_u64(o, "usedBytes", (f->clusters - f->free_clusters) * f->cluster_size);
		jsonx_set_u64(o, "freeBytes", f->free_clusters * f->cluster_size);
	}
	jsonx_set_string(o, "label", f->label);
	jsonx_set(o, "version", json_sprintf("%u.%u", f->major, f->minor));
	jsonx_set_bool(o, "dirty", f->dirty);
	jsonx_set_bool(o, "journalUnclean", f->journal_unclean);
	jsonx_set_bool(o, "hibernated", f->hibernated);
	jsonx_set_bool(o, "shadowCopies", f->shadow_copies);
	return o;
}

static void ntfs_problems(
	struct inspection *in, unsigned partition, const struct ntfs_volume_facts *f)
{
	if (f->dirty && !f->discarded)
		add_problem(in, partition, "ntfs-dirty", "the NTFS volume wants chkdsk");
	if (f->journal_unclean)
		add_problem(in, partition, "ntfs-journal",
			"the NTFS journal holds changes that are not written yet: Windows was not shut down");
	if (f->hibernated)
		add_problem(in, partition, "ntfs-hibernated",
			"Windows is hibernated (or shut down with Fast Startup)");
}

/* The member "ntfs" of a partition's facts. */
static int inspect_ntfs(
	struct inspection *in, const struct partition *p, json_t *facts, struct error **err)
{
	CLEANUP(ntfs_volume_close_p) struct ntfs_volume *v = NULL;
	CLEANUP_RANGES struct ranges used = {0};
	if (ntfs_volume_open(&v, in->disk, p->start, p->size, err) < 0)
		return as_problem(in, p->number, err);
	bool used_known = ntfs_volume_used(v, &used, &in->w->op, err) == 0;
	if (!used_known && as_problem(in, p->number, err) < 0)
		return -1;
	jsonx_set(facts, "ntfs", ntfs_json(ntfs_volume_facts(v), used_known));
	ntfs_problems(in, p->number, ntfs_volume_facts(v));
	return 0;
}

/* The member "bitLocker" of a partition's facts. */
static void inspect_bitlocker(struct inspection *in, const struct partition *p, json_t *facts)
{
	struct bitlocker_facts f = {0};
	CLEANUP_ERR struct error *failure = NULL;
	if (bitlocker_read(in->disk, p->start, p->size, &f, &failure) < 0) {
		add_problem(in, p->number, "bitlocker", failure->message);
		return;
	}
	jsonx_set(facts, "bitLocker", bitlocker_to_json(&f));
	add_problem(in, p->number, "bitlocker",
		f.clear_key
			? "the partition is encrypted by BitLocker; protection is suspended, which leaves the content encrypted"
			: "the partition is encrypted by BitLocker");
}

static int inspect_partition(
	struct inspection *in, const struct partition *p, json_t *facts, struct error **err)
{
	if (op_tick(&in->w->op, 0, err) < 0)
		return -1;
	jsonx_set(facts, "ntfs", json_null());
	jsonx_set(facts, "bitLocker", json_null());
	if (strcmp(p->fs, "ntfs") == 0 && inspect_ntfs(in, p, facts, err) < 0)
		return -1;
	if (strcmp(p->fs, "BitLocker") == 0)
		inspect_bitlocker(in, p, facts);
	if (p->role == ROLE_LDM)
		add_problem(
			in, p->number, "dynamic-disk", "the partition belongs to a dynamic disk");
	if (p->role == ROLE_STORAGE_POOL)
		add_problem(in, p->number, "storage-spaces",
			"the partition is a member of a storage pool or replica");
	return 0;
}

static int inspect_partitions(struct inspection *in, const struct partition_table *table,
	json_t *list, struct error **err)
{
	for (size_t i = 0; i < table->n; i++)
		if (inspect_partition(in, &table->v[i], json_array_get(list, i), err) < 0)
			return -1;
	return 0;
}

/* ---- Windows ---- */

static void on_warning(void *data, const struct op_event *ev)
{
	struct inspection *in = data;
	if (ev->kind == OP_EVENT_WARNING)
		add_problem(in, in->partition, ev->code, ev->message);
}

/* What a preparation would refuse or warn about; what the partitions have said is not said again. */
static void check_guest(struct inspection *in, const struct guest *g)
{
	struct op op;
	in->partition = g->partition->number;
	op_init(&op, on_warning, in, NULL);
	for (size_t i = 0; guest_checks[i]; i++) {
		CLEANUP_ERR struct error *failure = NULL;
		if (guest_checks[i](g, &op, &failure) < 0 && failure->code != ERR_DYNAMIC_DISK &&
			failure->code != ERR_STORAGE_SPACES)
			add_problem(
				in, in->partition, err_code_name(failure->code), failure->message);
	}
}

static json_t *installations_json(const struct guest_places *places)
{
	json_t *list = json_array();
	for (size_t i = 0; i < places->n; i++) {
		CLEANUP_FREE char *name = guest_place_name(&places->v[i]);
		json_t *o = json_object();
		jsonx_set_string(o, "name", name);
		jsonx_set_u64(o, "partition", places->v[i].partition->number);
		jsonx_set_string(o, "root", places->v[i].root);
		json_array_append_new(list, o);
	}
	return list;
}

static bool has_problem(const struct inspection *in, unsigned partition, const char *code)
{
	size_t i;
	json_t *problem;
	json_array_foreach (in->problems, i, problem)
		if (json_integer_value(json_object_get(problem, "partition")) == partition &&
			strcmp(json_string_value(json_object_get(problem, "code")), code) == 0)
			return true;
	return false;
}

/* A partition that keeps Windows from being seen has mostly said so itself. */
static int no_place(struct inspection *in, const struct guest_places *places, struct error **err)
{
	const struct partition *unread = places->unread;
	enum err_code code = (*err)->code;
	if (code == ERR_NO_WINDOWS || code == ERR_TWO_WINDOWS)
		return as_problem(in, 0, err);
	if (unread && places->failure->code == code &&
		!has_problem(in, unread->number, err_code_name(code)))
		return as_problem(in, unread->number, err);
	err_free(*err);
	*err = NULL;
	return 0;
}

static int inspect_windows(
	struct inspection *in, const struct partition_table *table, json_t *out, struct error **err)
{
	CLEANUP(guest_places_done) struct guest_places places = {0};
	struct guest *g CLEANUP(guest_close_p) = NULL;
	const struct guest_options options = {.root = in->w->root};
	if (op_tick(&in->w->op, 0, err) < 0)
		return -1;
	guest_places_find(&places, in->disk, table);
	jsonx_set(out, "installations", installations_json(&places));
	const struct guest_place *place =
		guest_places_choose(&places, in->disk, table, in->w->root, err);
	if (!place)
		return no_place(in, &places, err);
	if (guest_open_at(&g, in->disk, table, place, &options, err) < 0)
		return as_problem(in, place->partition->number, err);
	jsonx_set(out, "windows", guest_inspect(g));
	check_guest(in, g);
	return 0;
}

static int inspect_table(struct inspection *in, json_t *out, struct error **err)
{
	CLEANUP(partition_table_free_p) struct partition_table *table = NULL;
	op_begin(&in->w->op, "table", 0, 20);
	if (partition_table_read(&table, in->disk, &in->w->op, err) < 0)
		return as_problem(in, 0, err);
	if (table->problem)
		add_problem(in, 0, "partition-table", table->problem);
	json_t *json = partition_table_to_json(table);
	jsonx_set(out, "partitionTable", json);
	op_begin(&in->w->op, "volumes", 0, 30);
	if (inspect_partitions(in, table, json_object_get(json, "partitions"), err) < 0)
		return -1;
	op_begin(&in->w->op, "windows", 0, 50);
	return inspect_windows(in, table, out, err);
}

int worker_inspect(struct worker *w, json_t **ret, struct error **err)
{
	CLEANUP(disk_close_p) struct disk *d = NULL;
	CLEANUP_JSON json_t *out = json_object();
	if (hive_prepare_process(err) < 0 || sandbox_lock(err) < 0 ||
		worker_open_disk(w, &d, err) < 0)
		return -1;
	struct inspection in = {.w = w, .disk = d, .problems = json_array()};
	jsonx_set(out, "disk", worker_disk_json(d));
	jsonx_set(out, "partitionTable", json_null());
	jsonx_set(out, "installations", json_array());
	jsonx_set(out, "windows", json_null());
	jsonx_set(out, "problems", in.problems);
	if (worker_refuse_torn(w, d, err) < 0 && as_problem(&in, 0, err) < 0)
		return -1;
	if (inspect_table(&in, out, err) < 0)
		return -1;
	*ret = TAKE_PTR(out);
	return 0;
}
