/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <inttypes.h>
#include <malloc.h>

#include "job-list.h"
#include "memory.h"
#include "routes.h"

/* docs/api/openapi.yaml, put in at build time (embed.sh). */
extern const unsigned char openapi_yaml[];
extern const size_t openapi_yaml_size;

int route_openapi(struct agent *agent, struct request *rq, struct reply *re, struct error **err)
{
	(void)agent;
	(void)rq;
	(void)err;
	reply_text(re, "application/yaml", (const char *)openapi_yaml, openapi_yaml_size);
	return 0;
}

static json_t *describe_memory(void)
{
	const struct memory m = memory_read("/proc", "/sys/fs/cgroup");
	json_t *o = json_object();
	jsonx_set_u64(o, "total", m.total);
	jsonx_set_u64(o, "available", m.available);
	if (m.limit)
		jsonx_set_u64(o, "limit", m.limit);
	return o;
}

json_t *agent_status(struct agent *agent)
{
	uint64_t counts[_JOB_STATE_MAX];
	json_t *o = json_object(), *jobs = json_object();
	jobs_count(agent->jobs, counts);
	for (int i = 0; i < _JOB_STATE_MAX; i++)
		jsonx_set_u64(jobs, job_state_name((enum job_state)i), counts[i]);
	jsonx_set_string(o, "name", "ce-agentd");
	jsonx_set_string(o, "version", CE_VERSION);
	jsonx_set_string(o, "apiVersion", "v1");
	jsonx_set_string(o, "status", "ok");
	jsonx_set(o, "startTime", job_time(agent->start_us));
	jsonx_set(o, "time", job_time(job_now_us()));
	jsonx_set_u64(o, "maxJobs", agent->max_jobs);
	jsonx_set(o, "jobs", jobs);
	jsonx_set(o, "memory", describe_memory());
	jsonx_set_bool(o, "stateInMemory", agent->state_in_memory);
	jsonx_set(o, "operations", json_pack("[sss]", "export", "publish", "prepare"));
	return o;
}

int route_status(struct agent *agent, struct request *rq, struct reply *re, struct error **err)
{
	(void)rq;
	(void)err;
	reply_json(re, 200, agent_status(agent));
	return 0;
}

static void metric(FILE *f, const char *name, const char *type, const char *help)
{
	fprintf(f, "# HELP ce_agent_%s %s\n# TYPE ce_agent_%s %s\n", name, help, name, type);
}

static void simple(FILE *f, const char *name, const char *type, const char *help, uint64_t value)
{
	metric(f, name, type, help);
	fprintf(f, "ce_agent_%s %" PRIu64 "\n", name, value);
}

static void by_state(FILE *f, const char *name, const uint64_t *counts, int from)
{
	for (int i = from; i < _JOB_STATE_MAX; i++)
		fprintf(f, "ce_agent_%s{status=\"%s\"} %" PRIu64 "\n", name,
			job_state_name((enum job_state)i), counts[i]);
}

int route_metrics(struct agent *agent, struct request *rq, struct reply *re, struct error **err)
{
	uint64_t counts[_JOB_STATE_MAX], ended[_JOB_STATE_MAX], copied;
	char *text = NULL;
	size_t len;
	(void)rq;
	jobs_count(agent->jobs, counts);
	jobs_totals(agent->jobs, ended, &copied);
	FILE *f = open_memstream(&text, &len);
	if (!f)
		return err_errno(err, ERR_SYSTEM, errno, "cannot write the metrics");
	metric(f, "info", "gauge", "The agent's version.");
	fprintf(f, "ce_agent_info{version=\"%s\"} 1\n", CE_VERSION);
	metric(f, "jobs", "gauge", "Jobs that the agent knows, by status.");
	by_state(f, "jobs", counts, 0);
	metric(f, "jobs_ended_total", "counter", "Jobs that ended since the start, by status.");
	by_state(f, "jobs_ended_total", ended, JOB_COMPLETE);
	simple(f, "copied_bytes_total", "counter", "Bytes that jobs copied since the start.",
		copied);
	simple(f, "requests_total", "counter", "Requests answered.", agent->requests);
	simple(f, "request_errors_total", "counter", "Requests answered with status 400 or more.",
		agent->request_errors);
	simple(f, "request_body_bytes_total", "counter", "Bytes of request bodies received.",
		agent->body_bytes);
	simple(f, "connections", "gauge", "Open connections.", agent->connections);
	simple(f, "heap_bytes", "gauge", "Memory in use on the heap.", mallinfo2().uordblks);
	simple(f, "start_time_seconds", "gauge", "When the agent started, in Unix time.",
		(uint64_t)agent->start_us / 1000000);
	fclose(f);
	reply_text(re, "text/plain; version=0.0.4; charset=utf-8", text, len);
	free(text);
	return 0;
}
