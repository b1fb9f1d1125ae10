/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "unit.h"

#include <ftw.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "mem.h"

static char tmp_dir[64];
static pid_t tmp_owner;

const char *unit_data_dir(void)
{
	static char path[4096];
	struct stat st;
	const char *env = getenv("CE_TEST_DATA");
	snprintf(path, sizeof(path), "%s", env ? env : SOURCE_ROOT "/../shared/data");
	return stat(path, &st) == 0 && S_ISDIR(st.st_mode) ? path : NULL;
}

const char *unit_source_root(void)
{
	return SOURCE_ROOT;
}

int unit_run(const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	CLEANUP_FREE char *command = xvasprintf(fmt, ap);
	va_end(ap);
	int status = system(command);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

void unit_must(const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	CLEANUP_FREE char *command = xvasprintf(fmt, ap);
	va_end(ap);
	ck_assert_msg(unit_run("%s", command) == 0, "%s", command);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static void remove_tmp(void)
{
	if (tmp_dir[0] && getpid() == tmp_owner)
		nftw(tmp_dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

const char *unit_tmp(void)
{
	return tmp_dir;
}

void unit_skip(const char *why)
{
	printf("# SKIP %s: %s\n", tcase_name(), why);
	fflush(stdout);
	exit(0);
}

int unit_main(const char *suite_name, const TTest *const *cases, size_t n)
{
	const char *base = getenv("TMPDIR");
	snprintf(tmp_dir, sizeof(tmp_dir), "%s/ce-unit-XXXXXX",
		base && strlen(base) < 40 ? base : "/tmp");
	if (!mkdtemp(tmp_dir)) {
		perror(tmp_dir);
		return 1;
	}
	tmp_owner = getpid();
	atexit(remove_tmp);

	Suite *suite = suite_create(suite_name);
	for (size_t i = 0; i < n; i++) {
		TCase *tc = tcase_create(cases[i]->name);
		tcase_set_timeout(tc, 300);
		tcase_add_test(tc, cases[i]);
		suite_add_tcase(suite, tc);
	}
	SRunner *runner = srunner_create(suite);
	srunner_set_tap(runner, "-");
	srunner_run_all(runner, CK_SILENT);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
