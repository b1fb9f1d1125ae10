/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "routes.h"

#include <string.h>
#include <strings.h>

#include "mem.h"

#define IMAGE_QUERY               \
	{                         \
		"dryRun", "async" \
	}

static const struct route routes[] = {
	{"POST", "/v1/images/$export", route_export, IMAGE_QUERY},
	{"POST", "/v1/images/$publish", route_export, IMAGE_QUERY},
	{"POST", "/v1/images/$prepare", route_prepare, IMAGE_QUERY},
	{"POST", "/v1/images/$prepareAndPublish", route_not_implemented, IMAGE_QUERY},
	{"POST", "/v1/images/$prepareAndPublishImage", route_not_implemented, IMAGE_QUERY},
	{"POST", "/v1/images/$convertToUefi", route_not_implemented, IMAGE_QUERY},
	{"POST", "/v1/images/$upgradePvs", route_not_implemented, IMAGE_QUERY},
	{"POST", "/v1/images/$reverse", route_not_implemented, IMAGE_QUERY},
	{"POST", "/v1/images/$diagnostics", route_not_implemented, IMAGE_QUERY},
	{"GET", "/v1/jobs", route_jobs, {"pageSize", "continuationToken"}},
	{"GET", "/v1/jobs/{id}", route_job, {0}},
	{"POST", "/v1/jobs/{id}/$cancel", route_job_cancel, {0}},
	{"GET", "/v1/jobs/{id}/log", route_job_log, {0}},
	{"GET", "/v1/jobs/{id}/plan", route_job_plan, {0}},
	{"GET", "/v1/jobs/{id}/events", route_job_events, {0}},
	{"GET", "/v1/disks", route_disks, {"inspect"}, true},
	{"GET", "/v1/disks/{id}", route_disk, {"inspect"}, true},
	{"GET", "/v1/packs", route_packs, {0}},
	{"GET", "/v1/packs/{id}", route_pack, {0}},
	{"PUT", "/v1/packs/{id}", route_pack_put, {0}, true, &route_pack_upload},
	{"DELETE", "/v1/packs/{id}", route_pack_delete, {0}, true},
	{"GET", "/v1/status", route_status, {0}},
	{"GET", "/v1/diagnostics", route_diagnostics, {0}, true},
	{"GET", "/v1/openapi.yaml", route_openapi, {0}},
	{"GET", "/metrics", route_metrics, {0}},
};

const struct route *routes_row(size_t i)
{
	return i < ARRAY_SIZE(routes) ? &routes[i] : NULL;
}

/* Segment by segment; one '/' at the end is forgiven. */
static bool matches(const char *pattern, const char *path, char ret_param[HTTP_PARAM_MAX])
{
	static const char id[] = "{id}";
	while (*pattern && *path) {
		if (strncmp(pattern, id, strlen(id)) == 0) {
			size_t n = strcspn(path, "/");
			if (n == 0 || n >= HTTP_PARAM_MAX)
				return false;
			memcpy(ret_param, path, n);
			ret_param[n] = '\0';
			pattern += strlen(id);
			path += n;
		} else if (*pattern++ != *path++) {
			return false;
		}
	}
	return !*pattern && (!*path || strcmp(path, "/") == 0);
}

static char *add_method(char *allow, const char *method)
{
	const char *with_head = strcmp(method, "GET") == 0 ? "GET, HEAD" : method;
	char *all = allow ? xasprintf("%s, %s", allow, with_head) : xstrdup(with_head);
	free(allow);
	return all;
}

int routes_match(const char *method, const char *path, struct request *rq, char **ret_allow,
	struct error **err)
{
	CLEANUP_FREE char *allow = NULL;
	const char *wanted = strcmp(method, "HEAD") == 0 ? "GET" : method;
	for (size_t i = 0; i < ARRAY_SIZE(routes); i++) {
		if (!matches(routes[i].path, path, rq->param))
			continue;
		if (strcmp(routes[i].method, wanted) == 0) {
			rq->route = &routes[i];
			return 0;
		}
		allow = add_method(allow, routes[i].method);
	}
	if (!allow)
		return err_set(err, ERR_NOT_FOUND, "there is nothing at \"%.200s\"", path);
	err_set(err, ERR_METHOD_NOT_ALLOWED, "method %.20s at \"%.200s\" (%s expected)", method,
		path, allow);
	*ret_allow = TAKE_PTR(allow);
	return -1;
}

int route_check_query(const struct route *route, const char *name, struct error **err)
{
	for (size_t i = 0; i < HTTP_QUERY_MAX && route->query[i]; i++)
		if (strcasecmp(route->query[i], name) == 0)
			return 0;
	return err_set(err, ERR_UNKNOWN_FIELD, "unknown parameter \"%.60s\"", name);
}
