/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a Windows is refused for by its hives alone, and hives whose keys do not hang together. */
#include "unit.h"

#include <string.h>

#include "guest-check.h"
#include "hive-check.h"
#include "hive-format.h"
#include "hive-make.h"
#include "mem.h"

#define CBS "Microsoft\\Windows\\CurrentVersion\\Component Based Servicing"

/* A Windows that nothing is wrong with. */
static struct guest make_guest(void)
{
	struct guest g = {.root = (char *)"\\Windows",
		.n_control_sets = 2,
		.control_sets = {1, 2},
		.current_control_set = 1,
		.arch = INF_AMD64,
		.major = 10,
		.build = 19045,
		.product_name = (char *)"Windows 10 Pro"};
	g.hives[HIVE_SYSTEM].h = hive_make_open("SYSTEM");
	g.hives[HIVE_SOFTWARE].h = hive_make_open("SOFTWARE");
	return g;
}

static void guest_done(struct guest *g)
{
	for (int i = 0; i < _HIVE_MAX; i++) {
		hive_close(g->hives[i].h);
		err_free(g->hives[i].problem);
	}
}

/* Codes of the warnings, with a space behind each. */
static char warned[200];

static void on_event(void *data, const struct op_event *ev)
{
	(void)data;
	if (ev->kind == OP_EVENT_WARNING) {
		strcat(warned, ev->code);
		strcat(warned, " ");
	}
}

static int check(const struct guest *g, struct error **err)
{
	struct op op;
	*warned = '\0';
	op_init(&op, on_event, NULL, NULL);
	return guest_check(g, &op, err);
}

START_TEST(versions_and_architectures)
{
	struct guest g = make_guest();
	ck_ok(check(&g, &err));
	ck_assert_str_eq(warned, "");
	g.arch = INF_X86;
	ck_fails(check(&g, &err), ERR_WINDOWS_UNSUPPORTED,
		"Windows 10 Pro is no x64 Windows but x86");
	g.arch = INF_AMD64;
	g.build = 10239;
	ck_fails(check(&g, &err), ERR_WINDOWS_UNSUPPORTED, "10.0, build 10239");
	g.build = 10240;
	ck_ok(check(&g, &err));
	g.major = 6, g.minor = 1, g.build = 7601;
	ck_fails(check(&g, &err), ERR_WINDOWS_UNSUPPORTED, "6.1, build 7601");
	guest_done(&g);
}
END_TEST

START_TEST(control_sets)
{
	struct guest g = make_guest();
	g.current_control_set = 3;
	ck_fails(check(&g, &err), ERR_HIVE_DAMAGED, "Select\\Current names ControlSet003");
	g.current_control_set = 0;
	ck_fails(check(&g, &err), ERR_HIVE_DAMAGED, "Select\\Current is missing");
	g.current_control_set = 2;
	ck_ok(check(&g, &err));
	guest_done(&g);
}
END_TEST

START_TEST(hives_that_cannot_be_read)
{
	struct guest g = make_guest();
	err_set(&g.hives[HIVE_DRIVERS].problem, ERR_HIVE_DIRTY, "hive DRIVERS: no logs");
	ck_fails(check(&g, &err), ERR_HIVE_DIRTY, "DRIVERS");
	err_set(&g.hives[HIVE_SOFTWARE].problem, ERR_HIVE_DAMAGED, "hive SOFTWARE: torn");
	ck_fails(check(&g, &err), ERR_HIVE_DAMAGED, "SOFTWARE");
	hive_close(g.hives[HIVE_SYSTEM].h);
	g.hives[HIVE_SYSTEM].h = NULL;
	ck_fails(check(&g, &err), ERR_HIVE_DAMAGED, "\\System32\\config\\SYSTEM\" is missing");
	/* Each check stands for itself: those behind a failed one can still be asked. */
	unsigned failures = 0;
	for (size_t i = 0; guest_checks[i]; i++) {
		CLEANUP_ERR struct error *err = NULL;
		struct op op = {0};
		failures += guest_checks[i](&g, &op, &err) < 0;
	}
	ck_assert_uint_eq(failures, 1);
	guest_done(&g);
}
END_TEST

START_TEST(updates_that_wait)
{
	static const char *const keys[] = {"RebootPending", "PackagesPending"};
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		struct guest g = make_guest();
		CLEANUP_FREE char *key = xasprintf(CBS "\\%s", keys[i]);
		hive_put_number(g.hives[HIVE_SOFTWARE].h, key, "x", 1);
		ck_fails(check(&g, &err), ERR_PENDING_SERVICING, keys[i]);
		guest_done(&g);
	}
	struct guest g = make_guest();
	hive_put_number(g.hives[HIVE_SOFTWARE].h, CBS "\\SessionsPending", "Exclusive", 0);
	ck_ok(check(&g, &err));
	hive_put_number(g.hives[HIVE_SOFTWARE].h, CBS "\\SessionsPending", "Exclusive", 3);
	ck_fails(check(&g, &err), ERR_PENDING_SERVICING, "SessionsPending");
	guest_done(&g);
}
END_TEST

START_TEST(what_only_warns)
{
	struct guest g = make_guest();
	struct hive *sys = g.hives[HIVE_SYSTEM].h, *sw = g.hives[HIVE_SOFTWARE].h;
	/* Two files: one to be deleted (an empty text follows), one to be renamed. */
	static const uint8_t renames[] = "a\0\0\0\0\0b\0\0\0c\0\0\0\0";
	struct reg_value v = {.type = REG_MULTI_SZ, .data = (uint8_t *)renames, .len = 16};
	hive_node node = 0;
	ck_ok(hive_make(
		sys, hive_root(sys), "ControlSet001\\Control\\Session Manager", &node, &err));
	ck_ok(hive_set(sys, node, "PendingFileRenameOperations", &v, &err));
	hive_put_number(sw,
		"Microsoft\\Windows\\CurrentVersion\\WindowsUpdate\\Auto Update\\RebootRequired",
		"x", 1);
	hive_put_number(sys, "Setup", "OOBEInProgress", 1);
	ck_ok(check(&g, &err));
	ck_assert_str_eq(warned, "update-reboot pending-renames setup-in-progress ");
	hive_put_number(sys, "Setup", "OOBEInProgress", 0);
	hive_put_text(sw, "Microsoft\\Windows\\CurrentVersion\\Setup\\State", "ImageState",
		"IMAGE_STATE_GENERALIZE_RESEAL_TO_OOBE");
	ck_ok(check(&g, &err));
	ck_assert_str_eq(warned, "update-reboot pending-renames sysprep ");
	guest_done(&g);
}
END_TEST

START_TEST(dynamic_disks_and_pools)
{
	struct guest g = make_guest();
	struct partition parts[2] = {{.number = 1}, {.number = 4, .role = ROLE_LDM}};
	struct partition_table table = {.v = parts, .n = 2};
	g.table = &table;
	ck_fails(check(&g, &err), ERR_DYNAMIC_DISK, "partition 4");
	parts[1].role = ROLE_STORAGE_POOL;
	ck_fails(check(&g, &err), ERR_STORAGE_SPACES, "partition 4");
	parts[1].role = ROLE_BASIC;
	strcpy(parts[1].fs, "BitLocker");
	ck_ok(check(&g, &err));
	ck_assert_str_eq(warned, "bitlocker-data ");
	guest_done(&g);
}
END_TEST

/* ---- hives, cell by cell ---- */

struct bytes {
	uint8_t *data;
	size_t size;
};

/* ROOT \ One \ Two with a value of 40 bytes, and ROOT \ Other. */
static struct bytes make_keys(void)
{
	struct bytes b = {0};
	struct hive *h = hive_make_open("H");
	hive_put_text(h, "One\\Two", "v", "nineteen characters");
	hive_put_text(h, "Other", "w", "another value of this");
	ck_ok(hive_save(h, &b.data, &b.size, &err));
	hive_close(h);
	ck_ok(hive_check(b.data, b.size, "H", &err));
	return b;
}

/* The key node with that name, or where there is none, NULL. */
static uint8_t *find_key(const struct bytes *b, const char *name)
{
	for (size_t at = HIVE_BASE_BLOCK_SIZE; at + 80 + strlen(name) < b->size; at += 4)
		if (memcmp(b->data + at, "nk", 2) == 0 &&
			le16_at(b->data + at + 72) == strlen(name) &&
			memcmp(b->data + at + 76, name, strlen(name)) == 0)
			return b->data + at;
	ck_abort_msg("no key %s", name);
	return NULL;
}

static uint8_t *cell(const struct bytes *b, uint32_t offset)
{
	return b->data + HIVE_BASE_BLOCK_SIZE + offset + 4;
}

static uint32_t offset_of(const struct bytes *b, const uint8_t *content)
{
	return (uint32_t)(content - b->data - HIVE_BASE_BLOCK_SIZE - 4);
}

enum { SUBKEYS = 20, SUBKEY_LIST = 28, VALUES = 36, VALUE_LIST = 40, SECURITY = 44, CLASS = 48 };

#define damaged(b, text) ck_fails(hive_check((b).data, (b).size, "H", &err), ERR_HIVE_DAMAGED, text)

START_TEST(keys_that_hold_themselves)
{
	struct bytes b = make_keys();
	uint8_t *one = find_key(&b, "One"), *list = cell(&b, le32_at(one + SUBKEY_LIST));
	le32_put(list + 4, offset_of(&b, one));
	damaged(b, "key \"\\One\": a subkey of it hangs in two places, or holds itself");
	le32_put(list + 4, offset_of(&b, find_key(&b, "Other")));
	damaged(b, "key \"\\\": a subkey of it hangs in two places");
	free(b.data);
}
END_TEST

START_TEST(lists_and_counts)
{
	static const struct {
		const char *key, *message;
		unsigned field;
		uint32_t value;
	} cases[] = {{"One", "\\One\": it has not as many subkeys as it says", SUBKEYS, 2},
		{"One", "\\One\": its list of subkeys", SUBKEY_LIST, 0x7ffffff8},
		{"One", "\\One\": its list of subkeys", SUBKEY_LIST, 4096},
		{"Two", "\\One\\Two\": its list of values", VALUES, 0x40000000},
		{"Two", "\\One\\Two\": its list of values", VALUES, 500},
		{"Two", "\\One\\Two\": its list of values", VALUE_LIST, 12},
		{"Other", "\\Other\": its security descriptor", SECURITY, 64},
		{"Other", "\\Other\": its class name", CLASS, 64}};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct bytes b = make_keys();
		le32_put(find_key(&b, cases[i].key) + cases[i].field, cases[i].value);
		damaged(b, cases[i].message);
		free(b.data);
	}
	struct bytes b = make_keys();
	le16_put(find_key(&b, "Two") + 72, 60000);
	damaged(b, "\\One\": a subkey of it is no key");
	free(b.data);
}
END_TEST

START_TEST(values_and_their_data)
{
	struct bytes b = make_keys();
	uint8_t *values = cell(&b, le32_at(find_key(&b, "Two") + VALUE_LIST));
	uint8_t *other = cell(&b, le32_at(find_key(&b, "Other") + VALUE_LIST));
	uint8_t *value = cell(&b, le32_at(values));
	uint32_t size = le32_at(value + 4), data = le32_at(value + 8);
	le32_put(value + 4, 0x7fffffff);
	damaged(b, "\\One\\Two\": a value of it is damaged");
	le32_put(value + 4, 0x80000005);
	damaged(b, "\\One\\Two\": a value of it is damaged");
	le32_put(value + 4, size);
	/* Two values with the same data: deleting one would free the other's. */
	le32_put(value + 8, le32_at(cell(&b, le32_at(other)) + 8));
	damaged(b, "a value of it is damaged");
	le32_put(value + 8, data);
	ck_ok(hive_check(b.data, b.size, "H", &err));
	le32_put(values, le32_at(other));
	damaged(b, "a value of it is damaged");
	free(b.data);
}
END_TEST

START_TEST(bins_and_ends)
{
	struct bytes b = make_keys();
	ck_fails(hive_check(b.data, 4095, "H", &err), ERR_HIVE_DAMAGED, "not a registry hive");
	ck_fails(hive_check(b.data, b.size - 4096, "H", &err), ERR_HIVE_DAMAGED, "is cut off");
	b.data[HIVE_BASE_BLOCK_SIZE] ^= 1;
	damaged(b, "no valid hive bin or cell at 0x1000");
	b.data[HIVE_BASE_BLOCK_SIZE] ^= 1;
	le32_put(b.data + HIVE_BASE_BLOCK_SIZE + 32, 7);
	damaged(b, "no valid hive bin or cell at 0x1020");
	free(b.data);
}
END_TEST

/* Whatever one changed byte does, the hive is refused or can be used: hivex does not end the process. */
START_TEST(no_changed_byte_ends_the_process)
{
	srand(3);
	for (int i = 0; i < 3000; i++) {
		struct bytes b = make_keys();
		struct hive *h = NULL;
		CLEANUP_ERR struct error *err = NULL;
		b.data[HIVE_BASE_BLOCK_SIZE + (size_t)rand() % 1200] ^= (uint8_t)(1 << rand() % 8);
		if (hive_open(&h, b.data, b.size, "H", &err) == 0) {
			hive_node one = hive_find(h, hive_root(h), "One");
			if (one)
				hive_delete(h, one, &err);
			hive_close(h);
		}
		free(b.data);
	}
}
END_TEST

UNIT_MAIN("guest-refuse", versions_and_architectures, control_sets, hives_that_cannot_be_read,
	updates_that_wait, what_only_warns, dynamic_disks_and_pools, keys_that_hold_themselves,
	lists_and_counts, values_and_their_data, bins_and_ends, no_changed_byte_ends_the_process)
