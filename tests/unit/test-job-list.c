/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The list of jobs and its journal, with the fake worker. */
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "agent-util.h"
#include "io.h"
#include "job-list.h"
#include "logging.h"
#include "unit.h"

static char *state_dir(void)
{
	return xasprintf("%s/state", unit_tmp());
}

static struct jobs *open_jobs(unsigned max)
{
	CLEANUP_FREE char *dir = state_dir();
	CLEANUP_FREE char *worker = fake_worker();
	struct jobs *jobs = NULL;
	signal(SIGPIPE, SIG_IGN);
	setenv("CE_LOG_LEVEL", "error", 1);
	log_init("test");
	ck_ok(jobs_open(dir, worker, max, &jobs, &err));
	return jobs;
}

static void fresh_dir(void)
{
	ck_assert_int_eq(unit_run("rm -rf %s/state", unit_tmp()), 0);
}

static int submit(struct jobs *jobs, const char *what, unsigned ms, const char *disk,
	const char *target, char *ret_id, struct error **err)
{
	struct job_request rq = {
		.type = xstrdup("export"),
		.disk = xstrdup(disk),
		.path = xasprintf("/dev/%s", disk),
		.target = target ? xstrdup(target) : NULL,
		.parameters = json_pack("{ss}", "password", "***"),
		.input = fake_input(what, ms),
	};
	return jobs_submit(jobs, &rq, ret_id, err);
}

static json_t *get(struct jobs *jobs, const char *id)
{
	json_t *job = NULL;
	ck_ok(jobs_get(jobs, id, &job, &err));
	return job;
}

static char *status_of(struct jobs *jobs, const char *id)
{
	CLEANUP_JSON json_t *job = get(jobs, id);
	return xstrdup(json_string_value(json_object_get(job, "status")));
}

static bool has_status(struct jobs *jobs, const char *id, const char *wanted)
{
	CLEANUP_FREE char *status = status_of(jobs, id);
	return strcmp(status, wanted) == 0;
}

static void wait_status(struct jobs *jobs, const char *id, const char *wanted)
{
	for (int i = 0; i < 2000 && !has_status(jobs, id, wanted); i++)
		usleep(10000);
	CLEANUP_FREE char *status = status_of(jobs, id);
	ck_assert_str_eq(status, wanted);
}

static void wait_progress(struct jobs *jobs, const char *id)
{
	for (int i = 0; i < 2000; i++) {
		CLEANUP_JSON json_t *job = get(jobs, id);
		if (json_integer_value(json_object_get(job, "overallProgressPercent")) > 0)
			return;
		usleep(10000);
	}
	ck_abort_msg("no progress");
}

static void expect_error(struct jobs *jobs, const char *id, const char *code)
{
	CLEANUP_JSON json_t *job = get(jobs, id);
	ck_assert_str_eq(
		json_string_value(json_object_get(json_object_get(job, "error"), "code")), code);
}

static void close_jobs(struct jobs *jobs)
{
	ck_assert(jobs_stop(jobs));
	jobs_close(jobs);
}

START_TEST(runs_and_is_remembered)
{
	char id[GUID_STRING_SIZE], second[GUID_STRING_SIZE];
	fresh_dir();
	struct jobs *jobs = open_jobs(2);
	ck_ok(submit(jobs, "copy", 1, "sdb", "smb://h/s/a.vhdx", id, &err));
	wait_status(jobs, id, "complete");
	CLEANUP_FREE char *upper = xstrdup(id);
	for (char *p = upper; *p; p++)
		*p = (char)(*p >= 'a' && *p <= 'f' ? *p - 32 : *p);
	json_decref(get(jobs, upper));
	CLEANUP_JSON json_t *before = get(jobs, id);
	close_jobs(jobs);

	jobs = open_jobs(2);
	CLEANUP_JSON json_t *after = get(jobs, id);
	ck_assert(json_equal(before, after));
	/* Its name and its disk are free again; the order goes on. */
	ck_ok(submit(jobs, "copy", 1, "sdb", "smb://h/s/a.vhdx", second, &err));
	CLEANUP_JSON json_t *page = NULL;
	ck_ok(jobs_page(jobs, 10, NULL, &page, &err));
	const json_t *items = json_object_get(page, "items");
	ck_assert_uint_eq(json_array_size(items), 2);
	ck_assert_str_eq(
		json_string_value(json_object_get(json_array_get(items, 0), "id")), second);
	wait_status(jobs, second, "complete");
	close_jobs(jobs);
}
END_TEST

START_TEST(conflicts)
{
	char id[GUID_STRING_SIZE], other[GUID_STRING_SIZE];
	fresh_dir();
	struct jobs *jobs = open_jobs(2);
	ck_ok(submit(jobs, "copy", 1000, "sdb", "smb://h/s/a", id, &err));
	ck_fails(submit(jobs, "copy", 1, "sdb", "smb://h/s/b", other, &err), ERR_DISK_BUSY, id);
	ck_fails(submit(jobs, "copy", 1, "sdc", "smb://h/s/a", other, &err), ERR_TARGET_BUSY, id);
	CLEANUP_FREE char *busy = jobs_of_disk(jobs, "/dev/sdb");
	ck_assert_str_eq(busy, id);
	ck_assert_ptr_null(jobs_of_disk(jobs, "/dev/sdc"));
	close_jobs(jobs);
}
END_TEST

static unsigned count(struct jobs *jobs, enum job_state state)
{
	uint64_t counts[_JOB_STATE_MAX];
	jobs_count(jobs, counts);
	return (unsigned)counts[state];
}

START_TEST(queue)
{
	char ids[JOBS_QUEUED_MAX + 2][GUID_STRING_SIZE], id[GUID_STRING_SIZE];
	fresh_dir();
	struct jobs *jobs = open_jobs(1);
	ck_ok(submit(jobs, "copy", 1000, "first", NULL, ids[0], &err));
	for (size_t i = 1; i <= JOBS_QUEUED_MAX; i++) {
		CLEANUP_FREE char *disk = xasprintf("d%zu", i);
		ck_ok(submit(jobs, "warn", 1, disk, NULL, ids[i], &err));
		if (i == 1)
			wait_status(jobs, ids[0], "inProgress");
	}
	ck_fails(submit(jobs, "warn", 1, "last", NULL, id, &err), ERR_TOO_MANY_JOBS, "32");
	ck_assert_uint_eq(count(jobs, JOB_IN_PROGRESS), 1);

	/* One that waits is canceled at once, and does not run later. */
	CLEANUP_JSON json_t *canceled = NULL;
	ck_ok(jobs_cancel(jobs, ids[2], &canceled, &err));
	ck_assert(has_status(jobs, ids[2], "canceled"));
	expect_error(jobs, ids[2], "canceled");
	CLEANUP_JSON json_t *first = NULL;
	ck_ok(jobs_cancel(jobs, ids[0], &first, &err));
	for (size_t i = 0; i <= JOBS_QUEUED_MAX; i++)
		wait_status(jobs, ids[i], i == 0 || i == 2 ? "canceled" : "complete");
	close_jobs(jobs);
}
END_TEST

START_TEST(cancel)
{
	char id[GUID_STRING_SIZE];
	fresh_dir();
	struct jobs *jobs = open_jobs(1);
	CLEANUP_JSON json_t *now = NULL;
	json_t *again = NULL;
	ck_ok(submit(jobs, "copy", 200, "sdb", NULL, id, &err));
	wait_status(jobs, id, "inProgress");
	ck_ok(jobs_cancel(jobs, id, &now, &err));
	wait_status(jobs, id, "canceled");
	expect_error(jobs, id, "canceled");
	ck_fails(jobs_cancel(jobs, id, &again, &err), ERR_JOB_FINISHED, "canceled already");
	ck_fails(jobs_cancel(jobs, "no-such", &again, &err), ERR_JOB_NOT_FOUND, "no-such");
	close_jobs(jobs);
}
END_TEST

/* At any moment of a job's life, and whoever is faster: it ends once, as canceled or complete. */
START_TEST(cancel_at_any_moment)
{
	fresh_dir();
	struct jobs *jobs = open_jobs(1);
	for (useconds_t us = 0; us < 40000; us += 1000) {
		char id[GUID_STRING_SIZE];
		CLEANUP_JSON json_t *job = NULL;
		CLEANUP_ERR struct error *late = NULL;
		ck_ok(submit(jobs, "copy", 1, "sdb", NULL, id, &err));
		usleep(us);
		if (jobs_cancel(jobs, id, &job, &late) < 0)
			ck_assert_int_eq(late->code, ERR_JOB_FINISHED);
		for (int i = 0; i < 1000; i++) {
			if (has_status(jobs, id, "canceled") || has_status(jobs, id, "complete"))
				break;
			usleep(5000);
		}
		CLEANUP_FREE char *status = status_of(jobs, id);
		ck_assert_msg(strcmp(status, "canceled") == 0 || strcmp(status, "complete") == 0,
			"%s", status);
	}
	close_jobs(jobs);
}
END_TEST

START_TEST(stop_interrupts)
{
	char running[GUID_STRING_SIZE], waiting[GUID_STRING_SIZE], id[GUID_STRING_SIZE];
	fresh_dir();
	struct jobs *jobs = open_jobs(1);
	ck_ok(submit(jobs, "copy", 500, "sdb", NULL, running, &err));
	ck_ok(submit(jobs, "copy", 500, "sdc", NULL, waiting, &err));
	wait_status(jobs, running, "inProgress");
	ck_assert(jobs_stop(jobs));
	expect_error(jobs, running, "interrupted");
	expect_error(jobs, waiting, "interrupted");
	ck_fails(submit(jobs, "copy", 1, "sdd", NULL, id, &err), ERR_INTERRUPTED, NULL);
	jobs_close(jobs);
	jobs = open_jobs(1);
	ck_assert(has_status(jobs, running, "failed"));
	ck_assert(has_status(jobs, waiting, "failed"));
	close_jobs(jobs);
}
END_TEST

/* The agent is killed: the next one finds what ran and what waited. */
START_TEST(killed)
{
	char running[GUID_STRING_SIZE], waiting[GUID_STRING_SIZE];
	int ready[2];
	fresh_dir();
	ck_assert_int_eq(pipe(ready), 0);
	pid_t child = fork();
	if (child == 0) {
		struct jobs *jobs = open_jobs(1);
		ck_ok(submit(jobs, "copy", 500, "sdb", NULL, running, &err));
		ck_ok(submit(jobs, "copy", 500, "sdc", NULL, waiting, &err));
		/* Until the worker is a process of its own: one that is being made has our files. */
		wait_progress(jobs, running);
		write_full(ready[1], running, sizeof(running));
		write_full(ready[1], waiting, sizeof(waiting));
		pause();
	}
	ck_assert_int_eq(read_full(ready[0], running, sizeof(running)), sizeof(running));
	ck_assert_int_eq(read_full(ready[0], waiting, sizeof(waiting)), sizeof(waiting));
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);

	struct jobs *jobs = open_jobs(1);
	expect_error(jobs, running, "interrupted");
	expect_error(jobs, waiting, "interrupted");
	CLEANUP_JSON json_t *job = get(jobs, running);
	ck_assert(json_is_false(json_object_get(job, "isCancellable")));
	ck_assert(json_is_string(json_object_get(job, "endTime")));
	close_jobs(jobs);
	/* And so it stays. */
	jobs = open_jobs(1);
	expect_error(jobs, running, "interrupted");
	close_jobs(jobs);
}
END_TEST

START_TEST(one_agent_a_folder)
{
	fresh_dir();
	struct jobs *jobs = open_jobs(1), *second = NULL;
	CLEANUP_FREE char *dir = state_dir();
	ck_fails(jobs_open(dir, "/bin/true", 1, &second, &err), ERR_INVALID_ARGUMENT,
		"another agent");
	close_jobs(jobs);
}
END_TEST

START_TEST(damaged_records)
{
	char id[GUID_STRING_SIZE];
	fresh_dir();
	struct jobs *jobs = open_jobs(1);
	ck_ok(submit(jobs, "copy", 1, "sdb", NULL, id, &err));
	wait_status(jobs, id, "complete");
	close_jobs(jobs);
	ck_assert_int_eq(
		unit_run(
			"cd %s/state/jobs && g=11111111-2222-3333-4444-55555555555 && "
			"mkdir ${g}1 ${g}2 ${g}3 ${g}4 ${g}5 not-a-job && "
			"echo '{\"version\":1' >${g}1/job.json && : >${g}2/job.json && "
			"cp %s/job.json ${g}3/ && echo '{\"version\":99,\"seq\":1}' >${g}4/job.json && "
			": >${g}5/job.json.tmp",
			unit_tmp(), id),
		0);
	jobs = open_jobs(1);
	ck_assert(has_status(jobs, id, "complete"));
	ck_assert_uint_eq(count(jobs, JOB_COMPLETE), 1);
	close_jobs(jobs);
	/* Four unreadable ones and the stranger; the one that never was a job is simply gone. */
	ck_assert_int_eq(unit_run("test $(ls %s/state/damaged | wc -l) = 5", unit_tmp()), 0);
	ck_assert_int_eq(unit_run("test $(ls %s/state/jobs | wc -l) = 1", unit_tmp()), 0);
}
END_TEST

START_TEST(no_secret_is_kept)
{
	static const char *const workers[] = {"copy", "fail", "crash", "garbage"};
	fresh_dir();
	struct jobs *jobs = open_jobs(1);
	for (size_t i = 0; i < ARRAY_SIZE(workers); i++) {
		char id[GUID_STRING_SIZE];
		ck_ok(submit(jobs, workers[i], 1, "sdb", NULL, id, &err));
		wait_status(jobs, id, i ? "failed" : "complete");
	}
	close_jobs(jobs);
	ck_assert_int_eq(unit_run("grep -rq TopSecret %s/state", unit_tmp()), 1);
	ck_assert_int_eq(unit_run("grep -rq 'fake worker' %s/state", unit_tmp()), 0);
	ck_assert_int_eq(
		unit_run("test -z \"$(find %s/state ! -type d -perm /077)\"", unit_tmp()), 0);
}
END_TEST

static void add_ended(struct jobs *jobs, int64_t ended_us)
{
	struct guid g;
	char id[GUID_STRING_SIZE];
	ck_ok(guid_random(&g, &err));
	guid_format(&g, id);
	json_t *resource = json_pack("{ssss}", "id", id, "status", "complete");
	ck_ok(journal_save(jobs->journal, id, jobs->next_seq, ended_us, resource, &err));
	jobs_add(jobs, job_from_resource(resource, jobs->next_seq++, ended_us));
}

START_TEST(old_jobs_are_forgotten)
{
	fresh_dir();
	struct jobs *jobs = open_jobs(1);
	int64_t now = job_now_us(), hour = INT64_C(3600) * 1000000;
	for (int i = 0; i < 10; i++)
		add_ended(jobs, now - 25 * hour);
	for (int i = 0; i < 10; i++)
		add_ended(jobs, now - 23 * hour);
	jobs_tick(jobs);
	ck_assert_uint_eq(count(jobs, JOB_COMPLETE), 10);
	ck_assert_int_eq(unit_run("test $(ls %s/state/jobs | wc -l) = 10", unit_tmp()), 0);
	/* More than can be kept: the oldest go. */
	for (int i = 0; i < JOBS_KEPT_MAX; i++)
		jobs_add(jobs, job_from_resource(json_pack("{ssss}", "id",
							 "11111111-2222-3333-4444-555555555555",
							 "status", "complete"),
				       jobs->next_seq++, now - hour));
	jobs_tick(jobs);
	ck_assert_uint_eq(count(jobs, JOB_COMPLETE), JOBS_KEPT_MAX);
	ck_assert_int_eq(unit_run("test $(ls %s/state/jobs | wc -l) = 0", unit_tmp()), 0);
	close_jobs(jobs);
}
END_TEST

START_TEST(pages)
{
	fresh_dir();
	struct jobs *jobs = open_jobs(1);
	for (int i = 0; i < 25; i++)
		add_ended(jobs, job_now_us());
	CLEANUP_FREE char *token = NULL;
	size_t seen = 0, n_pages = 0;
	do {
		CLEANUP_JSON json_t *page = NULL;
		ck_ok(jobs_page(jobs, 10, token, &page, &err));
		seen += json_array_size(json_object_get(page, "items"));
		n_pages++;
		free(token);
		const json_t *next = json_object_get(page, "continuationToken");
		token = json_is_string(next) ? xstrdup(json_string_value(next)) : NULL;
		/* Newer ones do not shift the pages. */
		add_ended(jobs, job_now_us());
	} while (token);
	ck_assert_uint_eq(seen, 25);
	ck_assert_uint_eq(n_pages, 3);
	json_t *page = NULL;
	ck_fails(jobs_page(jobs, 10, "-1", &page, &err), ERR_INVALID_FIELD, "continuationToken");
	ck_fails(jobs_page(jobs, 10, "12x", &page, &err), ERR_INVALID_FIELD, "continuationToken");
	close_jobs(jobs);
}
END_TEST

START_TEST(events_and_plan)
{
	char id[GUID_STRING_SIZE];
	uint64_t last = 0, seen = 0;
	bool end = false;
	size_t progress = 0;
	fresh_dir();
	struct jobs *jobs = open_jobs(1);
	ck_ok(submit(jobs, "copy", 5, "sdb", NULL, id, &err));
	while (!end) {
		CLEANUP_FREE char *text = NULL;
		jobs_wait_change(jobs, &seen, 20000);
		bool news = jobs_has_news(jobs, id, last);
		ck_ok(jobs_events(jobs, id, last, &text, &last, &end, &err));
		ck_assert(!news || text || end);
		for (char *p = text; p && (p = strstr(p, "event: progress")); p++)
			progress++;
	}
	ck_assert_uint_eq(progress, 20);
	int fd;
	ck_ok(fd = journal_open_file(jobs->journal, id, JOURNAL_PLAN, O_RDONLY, &err));
	close(fd);
	close_jobs(jobs);
}
END_TEST

/* No room for the record: no job. */
START_TEST(cannot_record)
{
	char id[GUID_STRING_SIZE];
	fresh_dir();
	struct jobs *jobs = open_jobs(1);
	ck_assert_int_eq(unit_run("cd %s/state && rmdir jobs && : >jobs", unit_tmp()), 0);
	ck_fails(submit(jobs, "copy", 1, "sdb", NULL, id, &err), ERR_SYSTEM, "jobs");
	ck_assert_uint_eq(jobs->n, 0);
	close_jobs(jobs);
}
END_TEST

UNIT_MAIN("job-list", runs_and_is_remembered, conflicts, queue, cancel, cancel_at_any_moment,
	stop_interrupts, killed, one_agent_a_folder, damaged_records, no_secret_is_kept,
	old_jobs_are_forgotten, pages, events_and_plan, cannot_record)
