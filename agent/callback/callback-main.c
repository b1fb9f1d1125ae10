/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * ce-callback: tells the appliance of the enrolment document that this worker is ready, and of every job that
 * has ended. A process of its own, so that the agent, which obeys the network, never connects to anything, and
 * so that no appliance that is away, slow or hostile can hold up or fail a job. See ce-callback(8).
 */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "callback-document.h"
#include "callback-post.h"
#include "io.h"
#include "jsonx.h"
#include "logging.h"
#include "mem.h"
#include "outbox.h"

#define BOOT_ID_FILE "/proc/sys/kernel/random/boot_id"
#define PERIOD_MS    1000

struct options {
	const char *config, *identity, *status, *jobs, *state, *report, *firewall;
	unsigned long retry_ms, retry_max_ms, timeout_ms;
};

static volatile sig_atomic_t stopped;

static void on_signal(int sig)
{
	stopped = sig;
}

/* ---- how it is started ---- */

enum {
	OPT_CONFIG,
	OPT_IDENTITY,
	OPT_STATUS,
	OPT_JOBS,
	OPT_STATE,
	OPT_REPORT,
	OPT_FIREWALL,
	OPT_RETRY,
	OPT_RETRY_MAX,
	OPT_TIMEOUT,
	OPT_HELP
};

static int usage(FILE *to)
{
	fputs("usage: ce-callback [--config FILE] [--identity FILE] [--status FILE] [--jobs DIR] [--state DIR]\n"
	      "                   [--report FILE]\n"
	      "       ce-callback --firewall NFT [--config FILE]\n"
	      "Tells the appliance that this worker is ready and which jobs have ended. See ce-callback(8).\n"
	      "For tests: --retry-ms N --retry-max-ms N --timeout-ms N\n",
		to);
	return to == stderr ? 2 : 0;
}

/* -1: go on */
static int parse(int argc, char **argv, struct options *o)
{
	static const struct option options[] = {{"config", required_argument, NULL, OPT_CONFIG},
		{"identity", required_argument, NULL, OPT_IDENTITY},
		{"status", required_argument, NULL, OPT_STATUS},
		{"jobs", required_argument, NULL, OPT_JOBS},
		{"state", required_argument, NULL, OPT_STATE},
		{"report", required_argument, NULL, OPT_REPORT},
		{"firewall", required_argument, NULL, OPT_FIREWALL},
		{"retry-ms", required_argument, NULL, OPT_RETRY},
		{"retry-max-ms", required_argument, NULL, OPT_RETRY_MAX},
		{"timeout-ms", required_argument, NULL, OPT_TIMEOUT},
		{"help", no_argument, NULL, OPT_HELP}, {0}};
	const char **texts[] = {[OPT_CONFIG] = &o->config,
		[OPT_IDENTITY] = &o->identity,
		[OPT_STATUS] = &o->status,
		[OPT_JOBS] = &o->jobs,
		[OPT_STATE] = &o->state,
		[OPT_REPORT] = &o->report,
		[OPT_FIREWALL] = &o->firewall};
	unsigned long *numbers[] = {&o->retry_ms, &o->retry_max_ms, &o->timeout_ms};
	for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
		if (c == OPT_HELP)
			return usage(stdout);
		if (c == '?')
			return usage(stderr);
		if (c >= OPT_RETRY)
			*numbers[c - OPT_RETRY] = strtoul(optarg, NULL, 10);
		else
			*texts[c] = optarg;
	}
	return optind == argc ? -1 : usage(stderr);
}

static void harden(void)
{
	const struct rlimit no_core = {0, 0};
	const struct sigaction sa = {.sa_handler = on_signal};
	setrlimit(RLIMIT_CORE, &no_core);
#if !defined(__SANITIZE_ADDRESS__) /* whose leak check traces the process */
	prctl(PR_SET_DUMPABLE, 0);
#endif
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	umask(077);
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGINT, &sa, NULL);
	signal(SIGPIPE, SIG_IGN);
}

/* The port of the callback, and no other, is let out. What the document says reaches nft as a number only. */
static int open_firewall(const struct options *o, struct error **err)
{
	CLEANUP(callback_target_done) struct callback_target t = {0};
	if (callback_target_read(o->config, &t, err) < 0)
		return -1;
	CLEANUP_FREE char *rules = xasprintf(
		"flush set inet ce callback; add element inet ce callback { %u }", t.port);
	execl(o->firewall, "nft", rules, NULL);
	return err_errno(err, ERR_SYSTEM, errno, "\"%s\"", o->firewall);
}

/* ---- telling ---- */

struct teller {
	const struct options *o;
	struct callback_target target;
	struct outbox *outbox;
	unsigned long delay_ms;	       /* after the next failure */
	unsigned failures;	       /* in a row */
	unsigned long long not_before; /* ms */
};

static unsigned long long now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_BOOTTIME, &t);
	return (unsigned long long)t.tv_sec * 1000 + (unsigned long long)t.tv_nsec / 1000000;
}

/* Between three and five quarters of it: a hundred workers do not come back at the same moment. */
static unsigned long scattered(unsigned long ms)
{
	uint32_t random = UINT32_MAX / 2;
	if (getrandom(&random, sizeof(random), GRND_NONBLOCK) < 0)
		random = UINT32_MAX / 2;
	return ms * 3 / 4 + (unsigned long)((double)ms / 2 * random / UINT32_MAX);
}

/* For the console; NULL: all is well. */
static void report(const struct teller *t, const struct error *problem)
{
	CLEANUP_ERR struct error *ignored = NULL;
	CLEANUP_JSON json_t *o = json_object();
	jsonx_set(o, "problem", problem ? jsonx_from_error(problem) : json_null());
	CLEANUP_FREE char *text = jsonx_dump(o);
	file_write_atomic(t->o->report, text, strlen(text), 0600, &ignored);
}

static void failed(struct teller *t, const struct outbox_event *e, const struct error *why)
{
	unsigned long delay = scattered(t->delay_ms);
	t->failures++;
	report(t, why);
	log_warning("%s %s is not told (attempt %u, the next one in %lu s): %s", e->name, e->id,
		t->failures, (delay + 999) / 1000, why->message);
	t->not_before = now_ms() + delay;
	t->delay_ms = 2 * t->delay_ms < t->o->retry_max_ms ? 2 * t->delay_ms : t->o->retry_max_ms;
}

/* Noted before it is logged: what the log says is told is not told again, if it could be noted. */
static void done(struct teller *t, const struct outbox_event *e, int status)
{
	CLEANUP_ERR struct error *err = NULL;
	CLEANUP_FREE char *id = xstrdup(e->id);
	const char *name = e->name;
	if (outbox_told(t->outbox, &err) < 0)
		log_error(err);
	if (status < 300)
		log_info("%s %s is told", name, id);
	else
		log_warning("%s %s is not told again: the appliance answers %d", name, id, status);
	if (t->failures)
		report(t, NULL);
	t->failures = 0;
	t->delay_ms = t->o->retry_ms;
}

/* Answers that say of the document itself that it is not wanted: the same again would be told the same. */
static bool is_refusal(int status)
{
	static const int refusals[] = {400, 410, 413, 415, 422};
	for (size_t i = 0; i < ARRAY_SIZE(refusals); i++)
		if (status == refusals[i])
			return true;
	return false;
}

/* False: that is all for now. */
static bool tell_one(struct teller *t)
{
	CLEANUP_ERR struct error *err = NULL;
	const struct outbox_event *e = outbox_next(t->outbox);
	if (!e || stopped || now_ms() < t->not_before)
		return false;
	CLEANUP_FREE char *body = callback_document(e, t->o->identity, t->o->status);
	int status = callback_post(&t->target, body, (long)t->o->timeout_ms, &stopped, &err);
	if (stopped && status < 0)
		return false;
	if (status >= 0 && (status < 300 || is_refusal(status))) {
		done(t, e, status);
		return true;
	}
	if (status >= 0)
		err_set(&err, ERR_CALLBACK, "\"%s\" answers %d%s", t->target.url, status,
			status < 400 ? "; redirects are not followed" : "");
	failed(t, e, err);
	return false;
}

/* The agent keeps this file once it answers. */
static bool agent_answers(const char *status_file)
{
	return access(status_file, F_OK) == 0;
}

static int run(const struct options *o, struct error **err)
{
	struct teller t = {.o = o, .delay_ms = o->retry_ms};
	CLEANUP_FREE char *boot_id = NULL;
	size_t len;
	if (callback_target_read(o->config, &t.target, err) < 0 ||
		file_read(BOOT_ID_FILE, 256, &boot_id, &len, err) < 0)
		return -1;
	boot_id[strcspn(boot_id, "\n")] = '\0';
	if (outbox_open(o->jobs, o->state, boot_id, &t.outbox, err) < 0) {
		callback_target_done(&t.target);
		return -1;
	}
	log_info("version %s, telling \"%s\"", CE_VERSION, t.target.url);
	while (!stopped) {
		if (agent_answers(o->status))
			outbox_ready(t.outbox);
		outbox_scan(t.outbox);
		while (tell_one(&t))
			;
		if (!stopped)
			nanosleep(&(struct timespec){.tv_nsec = PERIOD_MS * 1000000L - 1}, NULL);
	}
	outbox_free(t.outbox);
	callback_target_done(&t.target);
	return 0;
}

int main(int argc, char **argv)
{
	struct options o = {.config = "/run/ce/callback.json",
		.identity = "/run/ce/identity.json",
		.status = "/run/ce-agent/status.json",
		.jobs = "/var/lib/ce-agent/jobs",
		.state = "/var/lib/ce-agent/callback",
		.report = "/run/ce-callback/status.json",
		.retry_ms = 1000,
		.retry_max_ms = 60000,
		.timeout_ms = 30000};
	CLEANUP_ERR struct error *err = NULL;
	int rc = parse(argc, argv, &o);
	if (rc >= 0)
		return rc;
	harden();
	log_init("ce-callback");
	if ((o.firewall ? open_firewall(&o, &err) : run(&o, &err)) == 0)
		return 0;
	log_error(err);
	return err_exit_status(err, false);
}
