/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <pthread.h>
#include <string.h>

#include "disk-inspect.h"
#include "job-list.h"
#include "mem.h"
#include "routes.h"

struct look {
	struct agent *agent;
	const struct disk_list *disks;
	bool inspect;
	json_t **entries; /* as many as there are disks */
	atomic_size_t next;
};

/* What the inspection knows better: the virtual disk's size, not the image file's. */
static void set_inspection(json_t *entry, json_t *inspection)
{
	static const char *const shown[] = {"size", "logicalSectorSize"};
	const json_t *disk = json_object_get(inspection, "disk");
	for (size_t i = 0; i < ARRAY_SIZE(shown); i++) {
		json_t *value = json_object_get(disk, shown[i]);
		if (json_is_integer(value))
			jsonx_set(entry, shown[i], json_incref(value));
	}
	jsonx_set(entry, "inspection", inspection);
}

/* A disk that a job works on is left alone: it is being read at full speed, or written. */
static json_t *describe(struct agent *agent, const struct disk_ref *disk, bool inspect)
{
	CLEANUP_ERR struct error *err = NULL;
	CLEANUP_FREE char *job = jobs_of_disk(agent->jobs, disk->real);
	json_t *entry = json_object(), *inspection;
	uint64_t size = 0;
	jsonx_set_string(entry, "id", disk->id);
	jsonx_set_string(entry, "path", disk->path);
	int r = disk_ref_check(disk, &size, &err);
	jsonx_set(entry, "size", r == 0 ? json_integer((json_int_t)size) : json_null());
	jsonx_set(entry, "logicalSectorSize", json_null());
	jsonx_set_string(entry, "busy", job);
	jsonx_set(entry, "inspection", json_null());
	if (r == 0 && inspect && !job &&
		inspector_run(agent->inspector, disk, &inspection, &err) == 0)
		set_inspection(entry, inspection);
	jsonx_set(entry, "error", err ? jsonx_from_error(err) : json_null());
	return entry;
}

static void *look_thread(void *data)
{
	struct look *look = data;
	size_t i;
	while ((i = atomic_fetch_add(&look->next, 1)) < look->disks->n)
		look->entries[i] = describe(look->agent, &look->disks->v[i], look->inspect);
	return NULL;
}

static json_t *describe_all(struct agent *agent, const struct disk_list *disks, bool inspect)
{
	json_t *items = json_array();
	struct look look = {.agent = agent, .disks = disks, .inspect = inspect};
	pthread_t threads[INSPECT_CONCURRENT - 1];
	size_t n = 0;
	look.entries = xcalloc(disks->n + 1, sizeof(*look.entries));
	while (inspect && n < ARRAY_SIZE(threads) && n + 1 < disks->n &&
		pthread_create(&threads[n], NULL, look_thread, &look) == 0)
		n++;
	look_thread(&look);
	for (size_t i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
	for (size_t i = 0; i < disks->n; i++)
		json_array_append_new(items, look.entries[i]);
	free(look.entries);
	return items;
}

int agent_disks(struct agent *agent, bool inspect, json_t **ret_items, struct error **err)
{
	CLEANUP(disk_list_done) struct disk_list disks = {0};
	if (disk_list_now(agent->disks, &disks, err) < 0)
		return -1;
	*ret_items = describe_all(agent, &disks, inspect);
	return 0;
}

int route_disks(struct agent *agent, struct request *rq, struct reply *re, struct error **err)
{
	bool inspect = true;
	json_t *items;
	if (request_query_bool(rq, "inspect", &inspect, err) < 0 ||
		agent_disks(agent, inspect, &items, err) < 0)
		return -1;
	json_t *o = json_object();
	jsonx_set(o, "items", items);
	reply_json(re, 200, o);
	return 0;
}

int route_disk(struct agent *agent, struct request *rq, struct reply *re, struct error **err)
{
	CLEANUP(disk_list_done) struct disk_list disks = {0};
	bool inspect = true;
	if (request_query_bool(rq, "inspect", &inspect, err) < 0 ||
		disk_list_now(agent->disks, &disks, err) < 0)
		return -1;
	const struct disk_ref *disk = disk_list_find(&disks, rq->param, err);
	if (!disk)
		return -1;
	reply_json(re, 200, describe(agent, disk, inspect));
	return 0;
}
