/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <fcntl.h>

#include "event-streams.h"
#include "io.h"
#include "job-list.h"
#include "routes.h"

int route_jobs(struct agent *agent, struct request *rq, struct reply *re, struct error **err)
{
	uint64_t page_size = JOBS_PAGE_DEFAULT;
	json_t *page;
	if (request_query_u64(rq, "pageSize", 1, JOBS_PAGE_MAX, &page_size, err) < 0 ||
		jobs_page(agent->jobs, page_size, request_query(rq, "continuationToken"), &page,
			err) < 0)
		return -1;
	reply_json(re, 200, page);
	return 0;
}

int route_job(struct agent *agent, struct request *rq, struct reply *re, struct error **err)
{
	json_t *job;
	if (jobs_get(agent->jobs, rq->param, &job, err) < 0)
		return -1;
	reply_json(re, 200, job);
	return 0;
}

int route_job_cancel(struct agent *agent, struct request *rq, struct reply *re, struct error **err)
{
	json_t *job;
	if (jobs_cancel(agent->jobs, rq->param, &job, err) < 0)
		return -1;
	reply_json(re, 200, job);
	return 0;
}

/* The id as the journal spells it, of a job that there is. */
static int open_file(struct agent *agent, const struct request *rq, enum journal_file which,
	uint64_t *ret_size, struct error **err)
{
	CLEANUP_JSON json_t *job = NULL;
	if (jobs_get(agent->jobs, rq->param, &job, err) < 0)
		return -1;
	const char *id = json_string_value(json_object_get(job, "id"));
	CLEANUP_CLOSE int fd = journal_open_file(agent->jobs->journal, id, which, O_RDONLY, err);
	if (fd < 0 || fd_size(fd, id, ret_size, err) < 0)
		return -1;
	return TAKE_FD(fd);
}

int route_job_log(struct agent *agent, struct request *rq, struct reply *re, struct error **err)
{
	static const char type[] = "text/plain; charset=utf-8";
	uint64_t size;
	int fd = open_file(agent, rq, JOURNAL_LOG, &size, err);
	if (fd >= 0) {
		reply_fd(re, type, fd, size);
		return 0;
	}
	if ((*err)->code != ERR_NOT_FOUND)
		return -1;
	/* It waits and has said nothing yet. */
	err_free(*err);
	*err = NULL;
	reply_text(re, type, "", 0);
	return 0;
}

int route_job_plan(struct agent *agent, struct request *rq, struct reply *re, struct error **err)
{
	uint64_t size;
	int fd = open_file(agent, rq, JOURNAL_PLAN, &size, err);
	if (fd < 0)
		return -1;
	reply_fd(re, "application/json; charset=utf-8", fd, size);
	return 0;
}

int route_job_events(struct agent *agent, struct request *rq, struct reply *re, struct error **err)
{
	const char *last = request_header(rq, "Last-Event-ID");
	return streams_open(
		agent->streams, rq, rq->param, last ? strtoull(last, NULL, 10) : 0, re, err);
}
