/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ce-agentd: starts everything, waits for a signal, stops everything in the reverse order. */
#include <fcntl.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>

#include "agentd-options.h"
#include "diagnostics.h"
#include "disk-inspect.h"
#include "event-streams.h"
#include "io.h"
#include "job-list.h"
#include "listen.h"
#include "logging.h"
#include "mem.h"
#include "pack-store.h"
#include "pairing-server.h"
#include "server.h"
#include "status-file.h"

#define TICK_MS 1000

/* What was in a JSON text or string does not stay in freed memory: a password may have been. */
static void wiping_free(void *p)
{
	if (p)
		mem_wipe(p, malloc_usable_size(p));
	free(p);
}

static void harden(void)
{
	const struct rlimit no_core = {0, 0};
	setrlimit(RLIMIT_CORE, &no_core);
#if !defined(__SANITIZE_ADDRESS__) /* whose leak check traces the process */
	prctl(PR_SET_DUMPABLE, 0);
#endif
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	umask(077);
	/* Descriptors 0 to 2 are never a socket or a disk. */
	int fd;
	while ((fd = open("/dev/null", O_RDWR)) >= 0 && fd <= STDERR_FILENO)
		;
	if (fd >= 0)
		close(fd);
	/* Few arenas: threads come and go with connections. */
	mallopt(M_ARENA_MAX, 2);
	json_set_alloc_funcs(malloc, wiping_free);
	json_object_seed(0);
}

/* Blocked in every thread; the workers get a clean slate from posix_spawn(). */
static int signals_open(struct error **err)
{
	sigset_t set;
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	int fd = signalfd(-1, &set, SFD_CLOEXEC);
	return fd >= 0 ? fd : err_errno(err, ERR_SYSTEM, errno, "cannot wait for signals");
}

/* Until a signal says stop. */
static void loop(int signal_fd, struct server *server, struct agent *agent, const char *status_file,
	unsigned port)
{
	struct signalfd_siginfo si;
	CLEANUP_FREE char *status = NULL;
	for (;;) {
		struct pollfd p = {signal_fd, POLLIN, 0};
		if (poll(&p, 1, TICK_MS) > 0 && read(signal_fd, &si, sizeof(si)) == sizeof(si))
			break;
		server_tick(server);
		jobs_tick(agent->jobs);
		if (status_file)
			status_file_update(status_file, port, agent, &status);
		sd_notify(0, "WATCHDOG=1");
	}
	log_info("SIG%s: ending", sigabbrev_np((int)si.ssi_signo));
	sd_notify(0, "STOPPING=1");
}

/* The workers first: a client that watches sees how its job ends. */
static void stop(struct server *server, struct agent *agent)
{
	server_quiesce(server);
	inspector_stop(agent->inspector);
	pack_store_stop(agent->packs);
	bool all_ended = jobs_stop(agent->jobs);
	streams_stop(agent->streams);
	server_stop(server);
	streams_free(agent->streams);
	inspector_free(agent->inspector);
	if (!all_ended) {
		log_warning("a worker did not end in time");
		return;
	}
	jobs_close(agent->jobs);
	pack_store_close(agent->packs);
}

/* On standard output too, for whoever asked for port 0. Returns the port. */
static unsigned announce(const char *where)
{
	printf("listening on %s\n", where);
	fflush(stdout);
	log_info("version %s, listening on %s", CE_VERSION, where);
	return (unsigned)strtoul(strrchr(where, ':') + 1, NULL, 10);
}

static int start_server(struct agent *agent, const struct agentd_options *o, const struct tls *tls,
	struct server **ret, unsigned *ret_port, struct error **err)
{
	CLEANUP_FREE char *where = NULL;
	int fd;
	if (listen_open(o->listen, &fd, &where, err) < 0 ||
		server_start(agent, tls, fd, ret, err) < 0)
		return -1;
	*ret_port = announce(where);
	return 0;
}

/* What a failure leaves behind ends with the process. */
static int start(struct agent *agent, const struct agentd_options *o, const struct tls *tls,
	struct server **ret, unsigned *ret_port, struct error **err)
{
	if (access(o->worker, X_OK) < 0)
		return err_errno(err, ERR_INVALID_ARGUMENT, errno, "worker \"%s\"", o->worker);
	if (jobs_open(o->state_dir, o->worker, o->max_jobs, &agent->jobs, err) < 0 ||
		pack_store_open(o->state_dir, o->worker, &agent->packs, err) < 0 ||
		streams_start(agent->jobs, &agent->streams, err) < 0)
		return -1;
	agent->state_in_memory = path_in_memory(o->state_dir);
	if (agent->state_in_memory)
		log_warning("\"%s\" is in memory: jobs, packs and journals end with the machine",
			o->state_dir);
	agent->inspector = inspector_new(o->worker);
	return start_server(agent, o, tls, ret, ret_port, err);
}

static int run(const struct agentd_options *o, struct error **err)
{
	CLEANUP(tls_free_p) struct tls *tls = NULL;
	CLEANUP_CLOSE int signal_fd = signals_open(err);
	static struct agent agent;
	struct server *server;
	unsigned port = 0;
	agent.disks = &o->disks;
	agent.max_jobs = o->max_jobs;
	agent.start_us = job_now_us();
	if (signal_fd < 0 ||
		tls_load(o->cert, o->key, o->client_ca, o->client_pins, &tls, err) < 0 ||
		start(&agent, o, tls, &server, &port, err) < 0)
		return -1;
	sd_notify(0, "READY=1");
	loop(signal_fd, server, &agent, o->status_file, port);
	stop(server, &agent);
	return 0;
}

/* Until somebody has paired, or a signal. Whoever started the agent starts it again: it is enrolled then. */
static int run_pairing(const struct agentd_options *o, struct error **err)
{
	CLEANUP(pairing_free_p) struct pairing *pairing = NULL;
	CLEANUP(tls_free_p) struct tls *tls = NULL;
	CLEANUP_CLOSE int signal_fd = signals_open(err);
	CLEANUP_FREE char *where = NULL;
	struct pairing_server *server;
	int fd;
	/* no clients, no CA of theirs: the machine's own stands in and is never used */
	if (signal_fd < 0 || tls_load(o->cert, o->key, o->cert, NULL, &tls, err) < 0 ||
		pairing_open(o->pairing, o->cert, o->key, &pairing, err) < 0 ||
		listen_open(o->listen, &fd, &where, err) < 0 ||
		pairing_server_start(pairing, tls->cert, tls->key, fd, &server, err) < 0)
		return -1;
	unsigned port = announce(where);
	if (o->status_file)
		status_file_idle(o->status_file, port);
	sd_notify(0, "READY=1");
	struct pollfd p = {signal_fd, POLLIN, 0};
	while (!pairing_server_done(server) && poll(&p, 1, TICK_MS) <= 0)
		sd_notify(0, "WATCHDOG=1");
	sd_notify(0, "STOPPING=1");
	log_info("%s: ending", pairing_server_done(server) ? "paired" : "signal");
	pairing_server_stop(server);
	return 0;
}

int main(int argc, char **argv)
{
	CLEANUP(agentd_options_done) struct agentd_options o;
	CLEANUP_ERR struct error *err = NULL;
	enum agentd_start start;
	harden();
	log_init("ce-agentd");
	log_keep(DIAGNOSTICS_LOG_BYTES);
	/* A worker's log is a file, and it has no business with systemd. */
	unsetenv("JOURNAL_STREAM");
	if (agentd_options_parse(argc, argv, &o, &start, &err) == 0 && start == AGENTD_RUN) {
		if (o.pairing)
			run_pairing(&o, &err);
		else
			run(&o, &err);
	}
	if (err)
		log_error(err);
	return err ? err_exit_status(err, false) : 0;
}
