/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ce-agentd's smaller parts: options, routes, listening, which disks are on offer, TLS files. */
#include <string.h>

#include "agentd-options.h"
#include "listen.h"
#include "mem.h"
#include "routes.h"
#include "tls.h"
#include "unit.h"

#define ARGS(...)                                      \
	(char *[])                                     \
	{                                              \
		(char *)"ce-agentd", __VA_ARGS__, NULL \
	}
#define REQUIRED                                                                            \
	(char *)"--cert", (char *)"c", (char *)"--key", (char *)"k", (char *)"--client-ca", \
		(char *)"a"

static int parse(char **argv, struct agentd_options *ret, struct error **err)
{
	enum agentd_start start;
	int argc = 0;
	while (argv[argc])
		argc++;
	return agentd_options_parse(argc, argv, ret, &start, err);
}

START_TEST(options)
{
	struct agentd_options o;
	ck_ok(parse(ARGS(REQUIRED, (char *)"--disk", (char *)"a=/x", (char *)"--disk=b=/y=z",
			    (char *)"--client-pin", (char *)"one", (char *)"--client-pin=two",
			    (char *)"--max-jobs", (char *)"7"),
		&o, &err));
	ck_assert_str_eq(o.listen, "[::]:443");
	ck_assert_str_eq(o.state_dir, "/var/lib/ce-agent");
	ck_assert_str_eq(strrchr(o.worker, '/'), "/ce-worker");
	ck_assert_uint_eq(o.disks.n, 2);
	ck_assert_str_eq(o.disks.v[1].path, "/y=z");
	ck_assert_str_eq(o.client_pins[1], "two");
	ck_assert_ptr_null(o.client_pins[2]);
	ck_assert_uint_eq(o.max_jobs, 7);
	agentd_options_done(&o);
}
END_TEST

static const struct {
	const char *option, *value, *text;
} bad_options[] = {
	{"--frob", "x", "unknown option \"--frob\""},
	{"--max-jobs", "0", "1 to 64"},
	{"--max-jobs", "x", "1 to 64"},
	{"--max-jobs", "-1", "1 to 64"},
	{"--disk", "no-equals", "NAME=PATH"},
	{"--disk", "a/b=/x", "NAME=PATH"},
	{"--disk", "..=/x", "NAME=PATH"},
	{"--disk", "=/x", "NAME=PATH"},
	{"--disk", "a=", "NAME=PATH"},
	{"--listen", "", "\"listen\" is empty"},
	{"stray", "x", "unexpected argument"},
	{"--config", "/nonexistent", "/nonexistent"},
};

START_TEST(options_refused)
{
	struct agentd_options o;
	for (size_t i = 0; i < ARRAY_SIZE(bad_options); i++) {
		ck_fails(parse(ARGS(REQUIRED, (char *)bad_options[i].option,
				       (char *)bad_options[i].value),
				 &o, &err),
			err->code, bad_options[i].text);
		agentd_options_done(&o);
	}
	ck_fails(parse(ARGS((char *)"--cert", (char *)"c"), &o, &err), ERR_INVALID_ARGUMENT,
		"\"--key\" is missing");
	agentd_options_done(&o);
	ck_fails(parse(ARGS(REQUIRED, (char *)"--disk"), &o, &err), ERR_INVALID_ARGUMENT,
		"needs a value");
	agentd_options_done(&o);
	ck_fails(parse(ARGS(REQUIRED, (char *)"--disk", (char *)"a=/x", (char *)"--disk",
			       (char *)"a=/y"),
			 &o, &err),
		ERR_INVALID_ARGUMENT, "twice");
	agentd_options_done(&o);
}
END_TEST

START_TEST(options_file)
{
	struct agentd_options o;
	CLEANUP_FREE char *path = xasprintf("%s/config.json", unit_tmp());
	FILE *f = fopen(path, "w");
	fputs("{\"cert\":\"fc\",\"key\":\"fk\",\"client-ca\":\"fa\",\"max-jobs\":9,"
	      "\"client-pin\":[\"p1\",\"p2\"],\"disk\":\"d=/x\",\"listen\":\"[::1]:0\"}",
		f);
	fclose(f);
	/* The command line wins, wherever the file stands on it. */
	ck_ok(parse(ARGS((char *)"--key", (char *)"lk", (char *)"--config", path), &o, &err));
	ck_assert_str_eq(o.cert, "fc");
	ck_assert_str_eq(o.key, "lk");
	ck_assert_str_eq(o.listen, "[::1]:0");
	ck_assert_uint_eq(o.max_jobs, 9);
	ck_assert_uint_eq(o.n_client_pins, 2);
	ck_assert_uint_eq(o.disks.n, 1);
	agentd_options_done(&o);

	static const struct {
		const char *json, *text;
	} bad[] = {
		{"{\"frob\":1}", "unknown key \"frob\""},
		{"{\"cert\":1}", "\"cert\" is a number"},
		{"{\"cert\":[\"a\"]}", "\"cert\" is not a text"},
		{"{\"disk\":[[\"a=/x\"]]}", "holds an array"},
		{"{\"config\":\"x\"}", "belongs on the command line"},
		{"{\"help\":\"x\"}", "belongs on the command line"},
		{"[]", "not a JSON object"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		f = fopen(path, "w");
		fputs(bad[i].json, f);
		fclose(f);
		ck_fails(parse(ARGS(REQUIRED, (char *)"--config", path), &o, &err), err->code,
			bad[i].text);
		agentd_options_done(&o);
	}
}
END_TEST

static const struct {
	const char *method, *path, *route, *param;
} good_routes[] = {
	{"GET", "/v1/jobs", "/v1/jobs", ""},
	{"GET", "/v1/jobs/", "/v1/jobs", ""},
	{"HEAD", "/v1/jobs/abc", "/v1/jobs/{id}", "abc"},
	{"GET", "/v1/jobs/abc/log", "/v1/jobs/{id}/log", "abc"},
	{"POST", "/v1/jobs/abc/$cancel", "/v1/jobs/{id}/$cancel", "abc"},
	{"POST", "/v1/images/$export", "/v1/images/$export", ""},
	{"GET", "/v1/disks/sd.b-1", "/v1/disks/{id}", "sd.b-1"},
};

START_TEST(routes)
{
	for (size_t i = 0; i < ARRAY_SIZE(good_routes); i++) {
		struct request rq = {0};
		char *allow = NULL;
		ck_ok(routes_match(good_routes[i].method, good_routes[i].path, &rq, &allow, &err));
		ck_assert_str_eq(rq.route->path, good_routes[i].route);
		if (*good_routes[i].param)
			ck_assert_str_eq(rq.param, good_routes[i].param);
	}
	static const char *const nowhere[] = {"/", "", "/v1", "/v1/jobs//", "/v1/jobs//log",
		"/v1/job", "/v1/jobsx", "/v1/jobs/a/b", "/v1/jobs/a/log/x", "/V1/jobs",
		"/v1/images/export", "/v1/images/$exportx",
		"/v1/jobs/0123456789012345678901234567890123456789012345678901234567890123456789"};
	for (size_t i = 0; i < ARRAY_SIZE(nowhere); i++) {
		struct request rq = {0};
		char *allow = NULL;
		ck_fails(routes_match("GET", nowhere[i], &rq, &allow, &err), ERR_NOT_FOUND, NULL);
	}
	struct request rq = {0};
	char *allow = NULL;
	ck_fails(routes_match("DELETE", "/v1/jobs/a", &rq, &allow, &err), ERR_METHOD_NOT_ALLOWED,
		"DELETE");
	ck_assert_str_eq(allow, "GET, HEAD");
	free(allow);
	ck_fails(routes_match("GET", "/v1/images/$export", &rq, &allow, &err),
		ERR_METHOD_NOT_ALLOWED, NULL);
	ck_assert_str_eq(allow, "POST");
	free(allow);
}
END_TEST

START_TEST(listening)
{
	static const char *const good[] = {"127.0.0.1:0", "[::1]:0", "[::]:0", "0.0.0.0:0"};
	static const char *const bad[] = {"", ":", "127.0.0.1", "127.0.0.1:", ":80", "::1:80",
		"localhost:0", "127.0.0.1:99999", "127.0.0.1:http", "[::1]"};
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		int fd;
		char *where;
		ck_ok(listen_open(good[i], &fd, &where, &err));
		ck_assert(strtoul(strrchr(where, ':') + 1, NULL, 10) > 0);
		/* Taken: said so. */
		int other;
		char *again;
		ck_fails(listen_open(where, &other, &again, &err), ERR_SYSTEM, where);
		free(where);
		close(fd);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		int fd;
		char *where;
		ck_fails(listen_open(bad[i], &fd, &where, &err), ERR_INVALID_ARGUMENT, NULL);
	}
}
END_TEST

/*
 * A machine whose root is LVM on a partition of sda, with swap on sdb: those two are its own. sdc and
 * nvme0n1 are not, nor sdd, which is mounted nowhere although it has partitions.
 */
static const char make_system[] =
	"set -e; r=%s/sys; b=$r/devices/block; mkdir -p $r/class/block $r/dev/block $r/proc/self\n"
	"disk() { mkdir -p $b/$1/slaves; echo $2 >$b/$1/size; ln -s $b/$1 $r/class/block/$1; "
	"ln -s $b/$1 $r/dev/block/$3; }\n"
	"part() { mkdir -p $b/$1/$2; echo 1 >$b/$1/$2/partition; echo 99 >$b/$1/$2/size; "
	"ln -s $b/$1/$2 $r/class/block/$2; ln -s $b/$1/$2 $r/dev/block/$3; }\n"
	"disk sda 1000 8:0; part sda sda1 8:1; part sda sda2 8:2\n"
	"disk sdb 1000 8:16; part sdb sdb1 8:17; disk sdc 1000 8:32\n"
	"disk sdd 1000 8:48; part sdd sdd1 8:49; disk nvme0n1 5 259:0; disk nbd0 0 43:0\n"
	"disk loop0 10 7:0; disk sr0 10 11:0; disk zram0 10 252:0; disk ram0 10 1:0\n"
	"disk dm-0 500 254:0; ln -s $b/sda/sda2 $b/dm-0/slaves/sda2; disk md0 10 9:0\n"
	"{ echo '22 1 254:0 / / rw shared:1 - ext4 /dev/mapper/vg-root rw'\n"
	"echo '23 22 8:1 / /boot rw - ext4 /dev/sda1 rw'\n"
	"echo '24 22 8:17 / /srv rw - ext4 /dev/sdb1 rw'\n"
	"echo '25 22 0:5 / /proc rw - proc proc rw'; } >$r/proc/self/mountinfo\n";

START_TEST(disks_on_offer)
{
	CLEANUP_FREE char *script = xasprintf("%s/make.sh", unit_tmp());
	CLEANUP_FREE char *sys = xasprintf("%s/sys", unit_tmp());
	CLEANUP_FREE char *proc = xasprintf("%s/sys/proc", unit_tmp());
	struct disk_list list = {0};
	FILE *f = fopen(script, "w");
	fprintf(f, make_system, unit_tmp());
	fclose(f);
	ck_assert_int_eq(unit_run("bash %s", script), 0);
	ck_ok(disk_list_scan(&list, sys, proc, "/dev", &err));
	ck_assert_uint_eq(list.n, 3);
	ck_assert_str_eq(list.v[0].id, "nvme0n1");
	ck_assert_str_eq(list.v[1].id, "sdc");
	ck_assert_str_eq(list.v[1].path, "/dev/sdc");
	ck_assert_str_eq(list.v[2].id, "sdd");
	ck_fails(disk_list_find(&list, NULL, &err) ? 0 : -1, ERR_MISSING_FIELD, "3 disks");
	ck_fails(disk_list_find(&list, "sda", &err) ? 0 : -1, ERR_DISK_NOT_FOUND, "sda");
	disk_list_done(&list);
	/* Without the list of mounts nothing is offered: the system's disk would be. */
	ck_fails(disk_list_scan(&list, sys, "/nonexistent", "/dev", &err), ERR_SYSTEM,
		"self/mountinfo");
	ck_assert_uint_eq(list.n, 0);
}
END_TEST

START_TEST(disk_to_open)
{
	struct disk_list list = {0};
	uint64_t size = 0;
	CLEANUP_FREE char *spec = xasprintf("one=%s/disk.img", unit_tmp());
	ck_ok(disk_list_add(&list, spec, &err));
	ck_fails(disk_ref_check(&list.v[0], &size, &err), ERR_DISK_OPEN, "disk.img");
	ck_assert_int_eq(unit_run("truncate -s 4096 %s/disk.img", unit_tmp()), 0);
	ck_ok(disk_ref_check(&list.v[0], &size, &err));
	ck_assert_uint_eq(size, 4096);
	ck_assert(!list.v[0].by_fd);
	ck_assert_ptr_eq(disk_list_find(&list, NULL, &(struct error *){0}), &list.v[0]);
	disk_list_done(&list);
}
END_TEST

static int load(
	const char *cert, const char *key, const char *ca, const char *pin, struct error **err)
{
	CLEANUP(tls_free_p) struct tls *tls = NULL;
	char *paths[3], *pins[] = {(char *)pin, NULL};
	const char *names[] = {cert, key, ca};
	for (size_t i = 0; i < 3; i++)
		paths[i] = xasprintf("%s/pki/%s", unit_tmp(), names[i]);
	int r = tls_load(paths[0], paths[1], paths[2], pin ? pins : NULL, &tls, err);
	for (size_t i = 0; i < 3; i++)
		free(paths[i]);
	return r;
}

START_TEST(tls_files)
{
	static const char good_pin[] =
		"sha256:00:11223344556677889900aabbccddeeff00112233445566778899AABBCCDDEEFF";
	static const char *const bad_pins[] = {"", "SHA256:", "SHA256:00", "SHA1:00112233",
		"SHA256:zz112233445566778899aabbccddeeff00112233445566778899aabbccddeeff",
		"SHA256:00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff00"};
	ck_assert_int_eq(unit_run("bash -c '. %s/tests/lib/pki.sh && pki_make %s/pki'",
				 unit_source_root(), unit_tmp()),
		0);
	ck_ok(load("server.crt", "server.key", "ca.crt", NULL, &err));
	ck_fails(load("server.crt", "server.key", "ca.crt", good_pin, &err), ERR_INVALID_ARGUMENT,
		"64 hex digits");
	ck_ok(load("server.crt", "server.key", "ca.crt",
		"sha256:00:11:2233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF", &err));
	for (size_t i = 0; i < ARRAY_SIZE(bad_pins); i++)
		ck_fails(load("server.crt", "server.key", "ca.crt", bad_pins[i], &err),
			ERR_INVALID_ARGUMENT, "64 hex digits");
	ck_fails(load("server.crt", "client.key", "ca.crt", NULL, &err), ERR_INVALID_ARGUMENT,
		"client.key");
	ck_fails(load("none.crt", "server.key", "ca.crt", NULL, &err), err->code, "none.crt");
	ck_fails(load("server.crt", "none.key", "ca.crt", NULL, &err), err->code, "none.key");
	ck_fails(load("server.crt", "server.key", "server.key", NULL, &err), ERR_INVALID_ARGUMENT,
		"server.key");
	ck_assert_int_eq(unit_run("chmod 644 %s/pki/server.key", unit_tmp()), 0);
	ck_fails(load("server.crt", "server.key", "ca.crt", NULL, &err), ERR_INVALID_ARGUMENT,
		"0644");
}
END_TEST

UNIT_MAIN("agentd", options, options_refused, options_file, routes, listening, disks_on_offer,
	disk_to_open, tls_files)
