/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <fcntl.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "diagnostics.h"
#include "io.h"
#include "job-list.h"
#include "logging.h"
#include "mem.h"
#include "pack-store.h"
#include "routes.h"

/* An array of lines: people read them one by one. text is cut up. */
static json_t *lines(char *text)
{
	json_t *list = json_array();
	char *save = NULL;
	for (char *l = strtok_r(text, "\n", &save); l; l = strtok_r(NULL, "\n", &save)) {
		CLEANUP_JSON json_t *o = json_object();
		jsonx_set_string(o, "line", l);
		json_array_append(list, json_object_get(o, "line"));
	}
	return list;
}

static json_t *system_now(void)
{
	json_t *o = json_object();
	struct utsname u;
	struct sysinfo si;
	if (uname(&u) == 0) {
		jsonx_set_string(o, "kernel", u.release);
		jsonx_set_string(o, "hostName", u.nodename);
	}
	if (sysinfo(&si) == 0) {
		jsonx_set_u64(o, "uptimeSeconds", (uint64_t)si.uptime);
		jsonx_set_u64(o, "processors", (uint64_t)sysconf(_SC_NPROCESSORS_ONLN));
		jsonx_set_u64(o, "memoryBytes", (uint64_t)si.totalram * si.mem_unit);
		jsonx_set_u64(o, "memoryFreeBytes", (uint64_t)si.freeram * si.mem_unit);
		jsonx_set(o, "load", json_real((double)si.loads[0] / (1 << SI_LOAD_SHIFT)));
	}
	return o;
}

/* The end of the job's log; a job that said nothing has none. */
static json_t *log_end(struct agent *agent, const char *id)
{
	CLEANUP_ERR struct error *ignored = NULL;
	CLEANUP_CLOSE int fd =
		journal_open_file(agent->jobs->journal, id, JOURNAL_LOG, O_RDONLY, &ignored);
	uint64_t size = 0;
	if (fd < 0 || fd_size(fd, id, &size, &ignored) < 0)
		return json_array();
	const uint64_t from = size > DIAGNOSTICS_JOB_BYTES ? size - DIAGNOSTICS_JOB_BYTES : 0;
	CLEANUP_FREE char *text = xcalloc(1, DIAGNOSTICS_JOB_BYTES + 1);
	ssize_t n = pread_full(fd, text, DIAGNOSTICS_JOB_BYTES, from);
	if (n < 0)
		return json_array();
	for (ssize_t i = 0; i < n; i++)
		if (!text[i])
			text[i] = '?';
	char *whole = from ? strchr(text, '\n') : NULL;
	return lines(whole ? whole + 1 : text);
}

/* Newest first, each as the API shows it, with the end of its log; *ret_left_out: jobs there was no room for. */
static json_t *newest_jobs(struct agent *agent, json_t *page, uint64_t *ret_left_out)
{
	json_t *list = json_array(), *job;
	size_t i, bytes = 0;
	json_array_foreach (json_object_get(page, "items"), i, job) {
		CLEANUP_JSON json_t *entry = json_copy(job);
		jsonx_set(entry, "log",
			log_end(agent, json_string_value(json_object_get(job, "id"))));
		CLEANUP_FREE char *text = jsonx_dump(entry);
		bytes += strlen(text);
		if (bytes > DIAGNOSTICS_JOBS_BYTES)
			break;
		json_array_append(list, entry);
	}
	*ret_left_out = json_array_size(json_object_get(page, "items")) - json_array_size(list);
	return list;
}

/* A part that cannot be had is an error in its place: the others are wanted all the more then. */
static void set_part(json_t *o, const char *name, json_t *part, struct error **err)
{
	jsonx_set(o, name, *err ? json_pack("{s:o}", "error", jsonx_from_error(*err)) : part);
	err_free(*err);
	*err = NULL;
}

int route_diagnostics(struct agent *agent, struct request *rq, struct reply *re, struct error **err)
{
	CLEANUP_JSON json_t *page = NULL;
	CLEANUP_FREE char *log = log_kept();
	struct error *why = NULL;
	CLEANUP_JSON json_t *o = json_object();
	json_t *part = NULL;
	uint64_t left_out = 0;
	(void)rq;
	(void)err;
	jsonx_set(o, "agent", agent_status(agent));
	jsonx_set(o, "system", system_now());
	agent_disks(agent, false, &part, &why);
	set_part(o, "disks", part, &why);
	pack_store_list(agent->packs, &part, &why);
	set_part(o, "packs", part, &why);
	jsonx_set(o, "messages", lines(log));
	if (jobs_page(agent->jobs, DIAGNOSTICS_JOBS, NULL, &page, &why) == 0)
		part = newest_jobs(agent, page, &left_out);
	set_part(o, "jobs", part, &why);
	jsonx_set_u64(o, "jobsLeftOut", left_out);
	CLEANUP_FREE char *text = jsonx_dump_pretty(o);
	reply_text(re, "application/json; charset=utf-8", text, strlen(text));
	reply_header(re, "Content-Disposition", "attachment; filename=\"ce-diagnostics.json\"");
	return 0;
}
