/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <fcntl.h>
#include <string.h>

#include "job-list.h"
#include "job-log.h"
#include "logging.h"
#include "mem.h"
#include "worker-run.h"

#define RESULT_SIZE_MAX (256u << 10)

struct run {
	struct jobs *jobs;
	struct job *job;
	struct job_log log;
};

static void log_event(struct run *run, const struct worker_event *ev)
{
	switch (ev->kind) {
	case WORKER_STEP:
		job_log_line(&run->log, "step %s", ev->step ? ev->step : "?");
		break;
	case WORKER_WARNING:
		job_log_line(&run->log, "warning: %s [%s]", ev->message ? ev->message : "",
			ev->code ? ev->code : "");
		break;
	case WORKER_NOTE:
		job_log_line(&run->log, "%s", ev->message ? ev->message : "");
		break;
	case WORKER_PLAN:
		job_log_line(&run->log, "planned");
		break;
	case WORKER_PROGRESS:
	case WORKER_RESULT:
	case WORKER_ERROR:
		break;
	}
}

static void save_plan(struct run *run, const json_t *plan)
{
	CLEANUP_ERR struct error *err = NULL;
	if (journal_save_plan(run->jobs->journal, run->job->id, plan, &err) < 0)
		log_error(err);
}

static void on_event(void *data, const struct worker_event *ev, const char *line, size_t len)
{
	struct run *run = data;
	(void)line;
	(void)len;
	log_event(run, ev);
	if (ev->kind == WORKER_PLAN)
		save_plan(run, ev->body);
	JOBS_LOCK_SCOPE(run->jobs);
	uint64_t before = run->job->bytes_done;
	job_apply(run->job, ev);
	if (run->job->bytes_done > before)
		run->jobs->bytes_copied += run->job->bytes_done - before;
	jobs_changed(run->jobs);
}

static void on_log(void *data, const char *text, size_t len)
{
	struct run *run = data;
	job_log_raw(&run->log, text, len);
}

static void begin(struct run *run)
{
	CLEANUP_ERR struct error *err = NULL;
	CLEANUP_JSON json_t *resource = NULL;
	struct job *job = run->job;
	pthread_mutex_lock(&run->jobs->lock);
	job_start(job, job_now_us());
	resource = job_resource(job);
	jobs_changed(run->jobs);
	pthread_mutex_unlock(&run->jobs->lock);
	run->log.fd = journal_open_file(
		run->jobs->journal, job->id, JOURNAL_LOG, O_WRONLY | O_CREAT | O_APPEND, &err);
	/* The job has its record; that it began is not worth failing it. */
	if (run->log.fd < 0 ||
		journal_save(run->jobs->journal, job->id, job->seq, 0, resource, &err) < 0)
		log_error(err);
	log_info("job %s: %s of disk \"%s\"%s", job->id, job->rq.type, job->rq.disk,
		job->rq.dry_run ? ", dry run" : "");
	job_log_line(&run->log, "job %s: %s of disk \"%s\"%s", job->id, job->rq.type, job->rq.disk,
		job->rq.dry_run ? ", dry run" : "");
}

static int work(struct run *run, json_t **ret_result, struct error **err)
{
	struct job *job = run->job;
	CLEANUP_CLOSE int disk = -1;
	if (job->rq.by_fd) {
		/* Exclusively: the kernel refuses a device that is mounted or part of a volume. */
		disk = open(job->rq.path, (job->rq.write ? O_RDWR | O_EXCL : O_RDONLY) | O_CLOEXEC);
		if (disk < 0 && errno == EBUSY)
			return err_set(err, ERR_DISK_BUSY, "disk \"%s\" is in use by this system",
				job->rq.path);
		if (disk < 0)
			return err_errno(err, ERR_DISK_OPEN, errno, "cannot open the disk \"%s\"",
				job->rq.path);
	}
	struct worker_spec spec = {
		.program = run->jobs->worker,
		.verb = job->rq.type,
		.input = job->rq.input,
		.disk_fd = disk,
		.stop_fd = job->stop_fd,
		.timeout = job->rq.timeout,
		.on_event = on_event,
		.on_log = on_log,
		.data = run,
	};
	if (worker_run(&spec, ret_result, err) < 0)
		return -1;
	CLEANUP_FREE char *text = jsonx_dump(*ret_result);
	if (strlen(text) > RESULT_SIZE_MAX)
		return err_set(err, ERR_INTERNAL,
			"worker's result has %zu bytes (%u expected at most)", strlen(text),
			RESULT_SIZE_MAX);
	return 0;
}

/* Stopped by whom? The worker only knows that it was. */
static enum job_state judge(struct run *run, struct error **err)
{
	JOBS_LOCK_SCOPE(run->jobs);
	if (run->job->step)
		err_step(err, run->job->step);
	if ((*err)->code != ERR_CANCELED)
		return JOB_FAILED;
	if (run->job->cancel_wanted || !run->jobs->stopping)
		return JOB_CANCELED;
	err_free(*err);
	*err = NULL;
	err_set(err, ERR_INTERRUPTED, "the agent ended while the job was running");
	return JOB_FAILED;
}

void job_run(struct jobs *jobs, struct job *job)
{
	struct run run = {.jobs = jobs, .job = job, .log = {.fd = -1}};
	CLEANUP_ERR struct error *err = NULL;
	CLEANUP_JSON json_t *result = NULL;
	enum job_state state = JOB_COMPLETE;
	begin(&run);
	if (work(&run, &result, &err) < 0)
		state = judge(&run, &err);
	if (err)
		job_log_line(&run.log, "%s: %s [%s]", job_state_name(state), err->message,
			err_code_name(err->code));
	else
		job_log_line(&run.log, "%s", job_state_name(state));
	job_log_done(&run.log);
	jobs_end_job(jobs, job, state, err, err ? NULL : result);
}
