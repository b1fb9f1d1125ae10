/* SPDX-License-Identifier: GPL-3.0-or-later */
/* VMware's guestinfo, a hypervisor of our own behind the port: it follows the protocol step by step. */
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io.h"
#include "mem.h"
#include "source.h"
#include "unit.h"

/* base64 of {"version":1} */
#define ENCODED "eyJ2ZXJzaW9uIjoxfQ=="

static struct hypervisor {
	const char *answer;
	uint32_t claimed; /* a length that is none; 0: the answer's */
	int lose;	  /* so many messages to a checkpoint */
	bool silent;
	/* its state */
	bool open, received;
	int channels, expected; /* the message that may come */
	uint32_t left;
	size_t sent;
	char command[64];
} hv;

static void reply(struct vmware_registers *r, uint32_t status)
{
	r->cx = status << 16 | (r->cx & 0xffff);
}

static void take_word(struct vmware_registers *r)
{
	ck_assert_uint_gt(hv.left, 0);
	uint32_t n = hv.left < 4 ? hv.left : 4;
	size_t at = strlen(hv.command);
	ck_assert_uint_lt(at + n, sizeof(hv.command));
	memcpy(hv.command + at, &r->bx, n);
	hv.left -= n;
	reply(r, 1);
}

static void give_word(struct vmware_registers *r)
{
	size_t len = strlen(hv.answer), n = len - hv.sent < 4 ? len - hv.sent : 4;
	ck_assert_uint_eq(r->bx, 1);
	ck_assert_uint_gt(n, 0);
	r->bx = 0xffffffff;
	memcpy(&r->bx, hv.answer + hv.sent, n);
	hv.sent += n;
	reply(r, hv.lose > 0 && hv.lose-- ? 0x10 : 1);
}

static void message(struct vmware_registers *r, uint32_t what)
{
	switch (what) {
	case 1:
		hv.left = r->bx;
		memset(hv.command, 0, sizeof(hv.command));
		reply(r, 0x81); /* offers the fast port as well */
		break;
	case 2:
		take_word(r);
		break;
	case 3:
		ck_assert_uint_eq(hv.left, 0);
		hv.sent = 0;
		r->bx = hv.claimed ? hv.claimed : (uint32_t)strlen(hv.answer);
		r->dx = 1u << 16 | VMWARE_PORT;
		reply(r, hv.silent ? 1 : 3);
		break;
	case 4:
		give_word(r);
		break;
	case 5:
		ck_assert_uint_eq(hv.sent, strlen(hv.answer));
		hv.received = true;
		reply(r, 1);
		break;
	case 6:
		hv.open = false;
		reply(r, 1);
		break;
	default:
		ck_abort_msg("message %u", what);
	}
}

static int port(struct vmware_registers *r, struct error **err)
{
	(void)err;
	ck_assert_uint_eq(r->ax, 0x564d5868);
	ck_assert_uint_eq(r->cx & 0xffff, 30);
	ck_assert_uint_eq(r->dx & 0xffff, 0x5658);
	uint32_t what = r->cx >> 16;
	if (what == 0) {
		ck_assert(!hv.open);
		ck_assert_uint_eq(r->bx, 0xc9435052);
		hv.open = true;
		hv.channels++;
		r->dx = 5u << 16 | VMWARE_PORT;
		r->si = 0x11111111;
		r->di = 0x22222222;
		reply(r, 1);
		return 0;
	}
	ck_assert(hv.open);
	ck_assert_uint_eq(r->dx >> 16, 5);
	ck_assert_uint_eq(r->si, 0x11111111);
	ck_assert_uint_eq(r->di, 0x22222222);
	message(r, what);
	return 0;
}

/* A hypervisor that refuses everything, as others than VMware do: the registers stay as they were. */
static int deaf_port(struct vmware_registers *r, struct error **err)
{
	(void)err;
	r->ax = 0xffffffff;
	r->cx = 30;
	return 0;
}

static int fetch(const char *answer, char **ret, struct error **err)
{
	const struct source_env env = {.vmware = port};
	size_t len;
	hv.answer = answer;
	int rc = source_vmware(&env, ret, &len, err);
	ck_assert(!hv.open);
	ck_assert(rc <= 0 || len == strlen(*ret));
	return rc;
}

START_TEST(a_document)
{
	static const char *const answers[] = {
		"1 " ENCODED, "1 {\"version\":1}", "1 eyJ2ZXJz\r\naW9uIjoxfQ==\n"};
	for (size_t i = 0; i < 3; i++) {
		CLEANUP_FREE char *text = NULL;
		struct error *err = NULL;
		ck_assert_int_eq(fetch(answers[i], &text, &err), 1);
		ck_assert_str_eq(text, "{\"version\":1}");
		ck_assert_str_eq(hv.command, "info-get guestinfo.ce-enrolment");
		ck_assert(hv.received);
	}
}
END_TEST

/* As long as vSphere lets a variable be: 64 KiB. */
START_TEST(a_long_document)
{
	CLEANUP_FREE char *text = NULL, *answer = xcalloc(1, 65540);
	memset(answer, ' ', 65539);
	memcpy(answer, "1 {", 3);
	answer[65538] = '}';
	ck_assert_int_eq(fetch(answer, &text, &(struct error *){NULL}), 1);
	ck_assert_str_eq(text, answer + 2);
}
END_TEST

START_TEST(none)
{
	static const char *const answers[] = {"0 No value found", "1 ", "1", "1 \n"};
	for (size_t i = 0; i < 4; i++) {
		char *text = NULL;
		struct error *err = NULL;
		ck_assert_int_eq(fetch(answers[i], &text, &err), 0);
		ck_assert(!text && !err);
	}
}
END_TEST

START_TEST(damaged)
{
	char *text = NULL;
	ck_fails(fetch("1 nonsense!", &text, &err), ERR_ENROLMENT_INVALID, "neither a JSON object");
	ck_fails(fetch("1 bm9uZQ==", &text, &err), ERR_ENROLMENT_INVALID, "neither a JSON object");
	ck_fails(fetch("0 Permission denied", &text, &err), ERR_ENROLMENT_INVALID, "Permission");
	ck_fails(fetch("", &text, &err), ERR_ENROLMENT_INVALID, "answers \"\"");
	hv.claimed = 0xfffffff0;
	ck_fails(fetch("1 ", &text, &err), ERR_ENROLMENT_INVALID, "4294967280 bytes");
	hv.claimed = 0;
	hv.silent = true;
	ck_fails(fetch("1 ", &text, &err), ERR_ENROLMENT_INVALID, "does not answer");
	const struct source_env deaf = {.vmware = deaf_port};
	size_t len;
	ck_fails(source_vmware(&deaf, &text, &len, &err), ERR_ENROLMENT_INVALID,
		"opening a channel");
	ck_assert_ptr_null(text);
}
END_TEST

START_TEST(a_checkpoint_in_the_middle)
{
	CLEANUP_FREE char *text = NULL;
	hv.lose = 2;
	ck_assert_int_eq(fetch("1 " ENCODED, &text, &(struct error *){NULL}), 1);
	ck_assert_int_eq(hv.channels, 3);
	hv.lose = 1000;
	ck_fails(fetch("1 " ENCODED, &text, &err), ERR_ENROLMENT_INVALID, "status 0x10");
	ck_assert_int_eq(hv.channels, 6);
}
END_TEST

static void dmi(const char *vendor)
{
	CLEANUP_FREE char *path = xasprintf("%s/sys_vendor", unit_tmp());
	ck_ok(file_write_atomic(path, vendor, strlen(vendor), 0644, &err));
}

START_TEST(only_on_vmware)
{
	struct source_env env = {.drives = "/nonexistent",
		.dmi = unit_tmp(),
		.hypervisor_type = "/nonexistent",
		.vmware = port};
	CLEANUP_FREE char *text = NULL;
	const char *name = NULL;
	struct error *err = NULL;
	size_t len;
	hv.answer = "1 " ENCODED;
	dmi("QEMU\n");
	ck_assert_int_eq(source_fetch(&env, &name, &text, &len, &err), 0);
	ck_assert_int_eq(hv.channels, 0);
	dmi("VMware, Inc.\n");
	ck_assert_int_eq(source_fetch(&env, &name, &text, &len, &err), 1);
	ck_assert_str_eq(name, "vmware-guestinfo");
}
END_TEST

/* The real instruction, without a permission for the port: the fault is an error, not the end. */
START_TEST(the_real_port_faults)
{
	if (getuid() != 0 && geteuid() == 0)
		unit_skip("set-user-id");
	pid_t child = fork();
	if (child == 0) {
		struct vmware_registers r = {.ax = VMWARE_MAGIC, .cx = 10, .dx = VMWARE_PORT};
		struct error *err = NULL;
		if (geteuid() == 0 && setresuid(65534, 65534, 65534) < 0)
			_exit(2);
		int rc = vmware_port_access(&r, &err);
		/* VMware takes it all the same, and says its name */
		_exit(rc < 0 ? !strstr(err->message, "may not be used") : r.bx != VMWARE_MAGIC);
	}
	int status = 0;
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert(WIFEXITED(status));
	ck_assert_int_eq(WEXITSTATUS(status), 0);
}
END_TEST

UNIT_MAIN("identity-vmware", a_document, a_long_document, none, damaged, a_checkpoint_in_the_middle,
	only_on_vmware, the_real_port_faults)
