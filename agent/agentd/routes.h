/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Every path of the API: one row each in routes.c, docs/api/openapi.yaml has the same. */
#pragma once

#include "http.h"

struct route {
	const char *method, *path; /* "{id}" stands for one segment */
	route_fn *handle;
	const char *query[HTTP_QUERY_MAX]; /* the parameters it knows */
	bool slow; /* takes more than a moment: it has a thread of its own */
	const struct route_upload *upload; /* NULL: the body is kept for the route */
};

/*
 * Fills in route and param. ERR_NOT_FOUND; ERR_METHOD_NOT_ALLOWED with *ret_allow, the methods that
 * path has ("GET, HEAD"; the caller frees). HEAD is GET's.
 */
int routes_match(const char *method, const char *path, struct request *rq, char **ret_allow,
	struct error **err);
/* ERR_UNKNOWN_FIELD where the route does not know the parameter. */
int route_check_query(const struct route *route, const char *name, struct error **err);

/* The table, for tests: the row with that index, NULL past the end. */
const struct route *routes_row(size_t i);

/* The rows' handlers, in route-*.c. */
route_fn route_export, route_prepare, route_not_implemented;
route_fn route_jobs, route_job, route_job_cancel, route_job_log, route_job_plan, route_job_events;
route_fn route_disks, route_disk;
route_fn route_packs, route_pack, route_pack_put, route_pack_delete;
extern const struct route_upload route_pack_upload;
route_fn route_status, route_metrics, route_openapi;
route_fn route_diagnostics;

/* What others show too. */
json_t *agent_status(struct agent *agent);
int agent_disks(struct agent *agent, bool inspect, json_t **ret_items, struct error **err);
