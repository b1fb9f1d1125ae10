/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a process that talks to a server can still do: its effects, seen from a child that confined itself. */
#include "unit.h"

#include <fcntl.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "mem.h"
#include "smb-confine.h"

/* The exit status of a child that confines itself and then does this. */
static int confined(int (*what)(const char *path), const char *path)
{
	pid_t pid = fork();
	if (pid == 0)
		_exit(smb_confine() < 0 ? 99 : what(path));
	int status;
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

static bool have_landlock(void)
{
	return syscall(SYS_landlock_create_ruleset, NULL, 0, 1) >= 0;
}

static int opens(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd >= 0 ? 0 : errno;
}

static int opens_to_write(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	return fd >= 0 ? 0 : errno;
}

static int removes(const char *path)
{
	return unlink(path) == 0 ? 0 : errno;
}

static int lists(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd >= 0 ? 0 : errno;
}

START_TEST(files_are_out_of_reach)
{
	CLEANUP_FREE char *key = xasprintf("%s/server.key", unit_tmp());
	if (!have_landlock())
		unit_skip("this kernel has no Landlock");
	FILE *f = fopen(key, "we");
	fputs("secret", f);
	fclose(f);
	ck_assert_int_eq(confined(opens, key), EACCES);
	ck_assert_int_eq(confined(opens_to_write, key), EACCES);
	ck_assert_int_eq(confined(removes, key), EACCES);
	ck_assert_int_eq(confined(lists, unit_tmp()), EACCES);
	ck_assert_int_eq(confined(lists, "/"), EACCES);
#if !defined(__SANITIZE_ADDRESS__) /* whose leak check has to */
	ck_assert_int_eq(confined(opens, "/proc/1/status"), EACCES);
#endif
	/* what names and libraries need */
	ck_assert_int_eq(confined(opens, "/etc/passwd"), 0);
	ck_assert_int_eq(confined(lists, "/usr/lib"), 0);
	ck_assert_int_eq(confined(opens, "/dev/urandom"), 0);
	ck_assert_int_eq(confined(opens_to_write, "/dev/null"), 0);
	ck_assert_int_eq(confined(opens_to_write, "/etc/ce-test"), EACCES);
}
END_TEST

static int signals_parent(const char *path)
{
	(void)path;
	return kill(getppid(), 0) == 0 ? 0 : errno;
}

static int ends_itself(const char *path)
{
	(void)path;
	kill(getpid(), SIGKILL);
	return 0;
}

static int aborts(const char *path)
{
	(void)path;
	abort();
}

static int limits_parent(const char *path)
{
	const struct rlimit none = {0, 0};
	(void)path;
	return prlimit(getppid(), RLIMIT_NOFILE, &none, NULL) == 0 ? 0 : errno;
}

static int reads_own_limit(const char *path)
{
	struct rlimit l;
	(void)path;
	return getrlimit(RLIMIT_NOFILE, &l) == 0 ? 0 : errno;
}

static int forks(const char *path)
{
	(void)path;
	pid_t pid = fork();
	if (pid == 0)
		_exit(0);
	return pid > 0 ? 0 : errno;
}

static int runs(const char *path)
{
	execl(path, path, (char *)NULL);
	return errno;
}

static void *nothing(void *data)
{
	return data;
}

static int threads_and_sockets(const char *path)
{
	pthread_t t;
	(void)path;
	return pthread_create(&t, NULL, nothing, NULL) || pthread_join(t, NULL) ||
	       socket(AF_INET, SOCK_STREAM, 0) < 0;
}

START_TEST(processes_are_out_of_reach)
{
#if defined(__SANITIZE_ADDRESS__)
	unit_skip("a build with sanitizers has no filter");
#endif
	ck_assert_int_eq(confined(signals_parent, NULL), EPERM);
	ck_assert_int_eq(confined(limits_parent, NULL), EPERM);
	ck_assert_int_eq(confined(forks, NULL), EPERM);
	ck_assert_int_eq(confined(runs, "/bin/true"), EPERM);
	ck_assert_int_eq(confined(ends_itself, NULL), 1000 + SIGKILL);
	ck_assert_int_eq(confined(aborts, NULL), 1000 + SIGABRT);
	ck_assert_int_eq(confined(reads_own_limit, NULL), 0);
	ck_assert_int_eq(confined(threads_and_sockets, NULL), 0);
}
END_TEST

UNIT_MAIN("smb-confine", files_are_out_of_reach, processes_are_out_of_reach)
