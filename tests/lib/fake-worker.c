/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Stands in for ce-worker where a test wants a worker that behaves in a certain way. Speaks the
 * protocol by hand, so that the agent's side is tested against something else than our own writer.
 * export: the request's tags.fake says what to do, tags.ms how long one of 20 parts takes (10).
 * inspect: the name of the disk's file holds the behaviour.
 */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t stopped;

static void on_signal(int sig)
{
	stopped = sig;
}

static void say(const char *line)
{
	printf("%s\n", line);
	fflush(stdout);
}

static void pause_ms(long ms)
{
	struct timespec ts = {ms / 1000, ms % 1000 * 1000000};
	nanosleep(&ts, NULL);
}

static int fail(const char *code, const char *message, int status)
{
	printf("{\"event\":\"error\",\"error\":{\"code\":\"%s\",\"message\":\"%s\",\"detail\":null,"
	       "\"step\":\"copy\",\"hint\":null},\"wrote\":true}\n",
		code, message);
	fflush(stdout);
	return status;
}

static int result(void)
{
	say("{\"event\":\"result\",\"result\":{\"artifacts\":{\"md5Hash\":"
	    "\"23a396b3438cd1b16749c6635dd6c9b2\",\"bytesWritten\":1048576},\"durationSeconds\":1}}");
	return 0;
}

/* 20 parts; with "deaf" nothing but KILL ends it. */
static int copy(long ms, int listens)
{
	char line[300];
	say("{\"event\":\"step\",\"step\":\"map\",\"total\":0,\"percent\":0}");
	say("{\"event\":\"plan\",\"plan\":{\"copyBytes\":1048576}}");
	say("{\"event\":\"step\",\"step\":\"copy\",\"total\":1048576,\"percent\":5}");
	for (int i = 1; i <= 20; i++) {
		pause_ms(ms);
		if (stopped && listens)
			return stopped == SIGUSR1 ? fail("timeout", "the time limit has passed", 1)
						  : fail("canceled", "canceled", 4);
		snprintf(line, sizeof(line),
			"{\"event\":\"progress\",\"step\":\"copy\",\"percent\":%d,\"done\":%d,"
			"\"total\":1048576,\"bytesPerSecond\":1000000,\"etaSeconds\":%d}",
			5 + i * 95 / 20, i * 1048576 / 20, 20 - i);
		say(line);
	}
	return result();
}

static int crash(void)
{
	signal(SIGSEGV, SIG_DFL);
	raise(SIGSEGV);
	return 1;
}

static int flood_log(void)
{
	char line[1024];
	memset(line, 'x', sizeof(line));
	line[sizeof(line) - 1] = '\n';
	for (int i = 0; i < 6 * 1024; i++)
		if (fwrite(line, sizeof(line), 1, stderr) != 1)
			return 1;
	return result();
}

static int huge_line(void)
{
	for (int i = 0; i < 3 << 20; i++)
		putchar('x');
	fflush(stdout);
	pause_ms(60000);
	return 0;
}

static int warn(void)
{
	say("{\"event\":\"warning\",\"code\":\"ntfs-dirty\",\"message\":\"volume 2 is dirty\","
	    "\"step\":\"map\"}");
	return result();
}

/* What a test wants to know of how it was started. */
static int tell(const json_t *input)
{
	char text[64];
	struct stat st;
	json_t *o = json_object(), *info = json_object();
	json_t *fds = json_array();
	for (int fd = 0; fd < 256; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			json_array_append_new(fds, json_integer(fd));
	sigset_t blocked;
	sigprocmask(SIG_BLOCK, NULL, &blocked);
	snprintf(text, sizeof(text), "%d", sigismember(&blocked, SIGTERM));
	json_object_set_new(info, "fds", fds);
	json_object_set_new(info, "disk", json_incref(json_object_get(input, "disk")));
	json_object_set_new(info, "termBlocked", json_string(text));
	json_object_set_new(
		info, "disk3", fstat(3, &st) == 0 ? json_integer(st.st_size) : json_null());
	const char *password = json_string_value(json_object_get(
		json_object_get(json_object_get(input, "request"), "outputStorageLocation"),
		"password"));
	json_object_set_new(
		info, "passwordLength", json_integer(password ? (json_int_t)strlen(password) : -1));
	json_object_set_new(o, "event", json_string("result"));
	json_object_set_new(o, "result", json_pack("{so}", "artifacts", info));
	char *line = json_dumps(o, JSON_COMPACT);
	say(line);
	free(line);
	json_decref(o);
	return 0;
}

static int inspect(const json_t *input)
{
	const json_t *disk = json_object_get(input, "disk");
	const char *path = json_string_value(json_object_get(disk, "path"));
	if (path && strstr(path, "crash"))
		return crash();
	if (path && strstr(path, "slow"))
		pause_ms(3000);
	if (path && strstr(path, "bad"))
		return fail("image-corrupt", "no image at all", 3);
	say("{\"event\":\"result\",\"result\":{\"disk\":{\"name\":\"d\",\"format\":\"raw\","
	    "\"size\":12582912,\"logicalSectorSize\":4096},\"partitionTable\":{\"kind\":\"gpt\"}}}");
	return 0;
}

static int export(const json_t *input)
{
	const json_t *tags = json_object_get(json_object_get(input, "request"), "tags");
	const char *what = json_string_value(json_object_get(tags, "fake"));
	json_t *ms_tag = json_object_get(tags, "ms");
	long ms = ms_tag ? (long)json_integer_value(ms_tag) : 10;
	fprintf(stderr, "fake worker: %s\n", what ? what : "copy");
	if (!what || strcmp(what, "copy") == 0)
		return copy(ms, 1);
	if (strcmp(what, "deaf") == 0)
		return copy(ms, 0);
	if (strcmp(what, "crash") == 0)
		return crash();
	if (strcmp(what, "warn") == 0)
		return warn();
	if (strcmp(what, "tell") == 0)
		return tell(input);
	if (strcmp(what, "fail") == 0)
		return fail("share-login", "the share said no", 3);
	if (strcmp(what, "garbage") == 0) {
		say("Segmentation fault");
		pause_ms(60000);
	}
	if (strcmp(what, "huge-line") == 0)
		return huge_line();
	if (strcmp(what, "flood-log") == 0)
		return flood_log();
	if (strcmp(what, "orphan") == 0 && fork() == 0) {
		/* Holds the pipes open after its parent is gone. */
		setsid();
		pause_ms(20000);
		return 0;
	}
	if (strcmp(what, "orphan") == 0)
		return result();
	return 0; /* "silent": no result */
}

int main(int argc, char **argv)
{
	struct sigaction sa = {.sa_handler = on_signal};
	json_t *input;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGUSR1, &sa, NULL);
	if (argc != 2)
		return 2;
	if (getenv("CE_FAKE_DEAF_INPUT")) {
		close(STDIN_FILENO);
		return result();
	}
	input = json_loadf(stdin, 0, NULL);
	if (!input)
		return 2;
	int status = strcmp(argv[1], "inspect") == 0 ? inspect(input) : export(input);
	json_decref(input);
	return status;
}
