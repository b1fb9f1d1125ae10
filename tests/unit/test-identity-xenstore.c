/* SPDX-License-Identifier: GPL-3.0-or-later */
/* xenstore: a terminal in raw mode stands for /dev/xen/xenbus, a thread at its other end for xenstored. */
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "io.h"
#include "mem.h"
#include "source.h"
#include "unit.h"

struct node {
	const char *name, *value;
};

static struct store {
	struct node nodes[8];
	uint32_t error_type, claimed, id_off; /* damage */
	size_t cut;			      /* so many bytes of every answer and no more */
	bool silent;
	int requests;
} store;

static int master, slave;
static char device[64];

static void start(void)
{
	struct termios t;
	master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	ck_assert(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
	ck_assert_int_eq(ptsname_r(master, device, sizeof(device)), 0);
	slave = open(device, O_RDWR | O_NOCTTY | O_CLOEXEC);
	ck_assert(slave >= 0 && tcgetattr(slave, &t) == 0);
	cfmakeraw(&t);
	ck_assert_int_eq(tcsetattr(slave, TCSANOW, &t), 0);
}

static const char *find(const char *name)
{
	for (const struct node *n = store.nodes; n->name; n++)
		if (strcmp(n->name, name) == 0)
			return n->value;
	return NULL;
}

static void *serve(void *arg)
{
	(void)arg;
	for (uint32_t h[4]; read_full(master, h, sizeof(h)) == sizeof(h);) {
		char name[256], out[8192];
		if (h[0] != 2 || h[2] != 0 || h[3] > sizeof(name) ||
			read_full(master, name, h[3]) != (ssize_t)h[3] || name[h[3] - 1])
			break;
		store.requests++;
		if (store.silent)
			continue;
		const char *value = find(name), *said = value ? value : "ENOENT";
		if (value && *value == '!')
			said = value + 1;
		uint32_t len = (uint32_t)strlen(said) + (said != value);
		uint32_t type = said == value ? 2 : 16;
		const uint32_t a[4] = {store.error_type ? store.error_type : type,
			h[1] + store.id_off, 0, store.claimed ? store.claimed : len};
		memcpy(out, a, sizeof(a));
		memcpy(out + sizeof(a), said, len);
		len += sizeof(a);
		write_full(master, out, store.cut && store.cut < len ? store.cut : len);
	}
	return NULL;
}

/* 1, 0 or -1; the daemon is gone afterwards. */
static int fetch(char **ret, struct error **err)
{
	pthread_t t;
	size_t len = 0;
	/* short only where it is waited for to the end: a busy machine is slow */
	const struct source_env env = {
		.xenbus = device, .wait_ms = store.silent || store.cut ? 300 : 20000};
	start();
	ck_assert_int_eq(pthread_create(&t, NULL, serve, NULL), 0);
	int rc = source_xenstore(&env, ret, &len, err);
	close(slave); /* the last of them: the thread's read fails */
	pthread_join(t, NULL);
	close(master);
	ck_assert(rc <= 0 || len == strlen(*ret));
	return rc;
}

#define NODE	 "vm-data/ce-enrolment"
#define DOCUMENT "{\"version\":1}"

START_TEST(a_document)
{
	static const struct node plain[] = {{NODE, DOCUMENT}},
				 encoded[] = {{NODE, "eyJ2ZXJzaW9uIjoxfQ=="}},
				 parts[] = {{NODE, "eyJ2Z"}, {NODE "/1", "XJzaW9u"},
					 {NODE "/2", "IjoxfQ=="}};
	const struct {
		const struct node *nodes;
		int n;
	} cases[] = {{plain, 1}, {encoded, 1}, {parts, 3}};
	for (size_t i = 0; i < 3; i++) {
		CLEANUP_FREE char *text = NULL;
		struct error *err = NULL;
		store = (struct store){0};
		memcpy(store.nodes, cases[i].nodes, (size_t)cases[i].n * sizeof(struct node));
		int rc = fetch(&text, &err);
		ck_assert_msg(rc == 1, "%d: %s", rc, err ? err->message : "none");
		ck_assert_str_eq(text, DOCUMENT);
		ck_assert_int_eq(store.requests, cases[i].n + 1);
	}
}
END_TEST

START_TEST(none)
{
	char *text = NULL;
	struct error *err = NULL;
	ck_assert_int_eq(fetch(&text, &err), 0);
	ck_assert_int_eq(store.requests, 1);
	store.nodes[0] = (struct node){NODE, ""};
	ck_assert_int_eq(fetch(&text, &err), 0);
	const struct source_env env = {.xenbus = "/nonexistent/xenbus"};
	ck_assert_int_eq(source_xenstore(&env, &text, &(size_t){0}, &err), 0);
	ck_assert(!text && !err);
}
END_TEST

START_TEST(damaged)
{
	char *text = NULL;
	const struct node good = {NODE, DOCUMENT};
	store = (struct store){.nodes = {{NODE, "#cloud-config"}}};
	ck_fails(fetch(&text, &err), ERR_ENROLMENT_INVALID, "neither a JSON object");
	store = (struct store){.nodes = {{NODE, "!EACCES"}}};
	ck_fails(fetch(&text, &err), ERR_ENROLMENT_INVALID,
		"refuses \"vm-data/ce-enrolment\": EACCES");
	store = (struct store){.nodes = {good, {NODE "/1", "!EIO"}}};
	ck_fails(fetch(&text, &err), ERR_ENROLMENT_INVALID, "/1\": EIO");
	store = (struct store){.nodes = {good}, .error_type = 15};
	ck_fails(fetch(&text, &err), ERR_ENROLMENT_INVALID, "with type 15");
	store = (struct store){.nodes = {good}, .id_off = 7};
	ck_fails(fetch(&text, &err), ERR_ENROLMENT_INVALID, "question 8 with");
	store = (struct store){.nodes = {good}, .claimed = 4097};
	ck_fails(fetch(&text, &err), ERR_ENROLMENT_INVALID, "4097 bytes");
	store = (struct store){.nodes = {good}, .claimed = 0xffffffff};
	ck_fails(fetch(&text, &err), ERR_ENROLMENT_INVALID, "4294967295 bytes");
	store = (struct store){.nodes = {good}, .cut = 20};
	ck_fails(fetch(&text, &err), ERR_ENROLMENT_INVALID, "does not answer");
	store = (struct store){.nodes = {good}, .silent = true};
	ck_fails(fetch(&text, &err), ERR_ENROLMENT_INVALID, "does not answer");
	ck_assert_ptr_null(text);
}
END_TEST

/* Parts without end: bounded. */
START_TEST(more_than_fits)
{
	static char big[4097];
	memset(big, ' ', sizeof(big) - 1);
	for (int i = 0; i < 7; i++)
		store.nodes[i] = (struct node){i ? xasprintf(NODE "/%d", i) : NODE, big};
	CLEANUP_FREE char *text = NULL;
	ck_assert_int_eq(fetch(&text, &(struct error *){NULL}), 0); /* all blank: nothing in it */
	ck_assert_int_eq(store.requests, 8);
}
END_TEST

static void put(const char *name, const char *text)
{
	CLEANUP_FREE char *path = xasprintf("%s/%s", unit_tmp(), name);
	ck_ok(file_write_atomic(path, text, strlen(text), 0644, &err));
}

START_TEST(only_on_xen)
{
	CLEANUP_FREE char *type = xasprintf("%s/type", unit_tmp());
	const struct source_env env = {.dmi = unit_tmp(), .hypervisor_type = type};
	ck_assert(!source_is_xen(&env));
	put("sys_vendor", "QEMU\n");
	put("type", "kvm\n");
	ck_assert(!source_is_xen(&env));
	put("type", "xen\n");
	ck_assert(source_is_xen(&env));
	put("type", "");
	put("sys_vendor", "Xen\n");
	ck_assert(source_is_xen(&env));
}
END_TEST

UNIT_MAIN("identity-xenstore", a_document, none, damaged, more_than_fits, only_on_xen)
