/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Hives read and written; the oracle is hivexregedit, run on what hive_save() returned. */
#include "unit.h"

#include <string.h>

#include "hive.h"
#include "io.h"
#include "mem.h"

static uint8_t *real_system(size_t *ret_size)
{
	if (!unit_data_dir())
		unit_skip("the test data folder (CE_TEST_DATA) is missing");
	CLEANUP_FREE char *plain = xasprintf("%s/SYSTEM", unit_tmp());
	ck_assert_int_eq(unit_run("xz -dc '%s/hives/win10-19041-vmware-efi.SYSTEM.xz' > '%s'",
				 unit_data_dir(), plain),
		0);
	char *data = NULL;
	ck_ok(file_read(plain, 64u << 20, &data, ret_size, &err));
	return (uint8_t *)data;
}

START_TEST(values_have_windows_forms)
{
	const char *const two[] = {"a", "\xc3\xbc", NULL};
	CLEANUP_REG_VALUE struct reg_value sz = reg_sz("Hi"), multi = reg_multi_sz(two),
					   n = reg_dword(3);
	ck_assert_uint_eq(sz.len, 6);
	ck_assert_int_eq(memcmp(sz.data, "H\0i\0\0\0", 6), 0);
	ck_assert_uint_eq(multi.len, 10);
	ck_assert_int_eq(memcmp(multi.data, "a\0\0\0\xfc\0\0\0\0\0", 10), 0);
	ck_assert_int_eq(memcmp(n.data, "\3\0\0\0", 4), 0);
	char **texts = reg_texts(&multi);
	ck_assert_str_eq(texts[1], "\xc3\xbc");
	ck_assert_ptr_null(texts[2]);
	reg_texts_free(texts);
	CLEANUP_FREE char *s = reg_value_describe(&multi);
	ck_assert_str_eq(s, "multi-sz \"a\" \"\xc3\xbc\"");
	/* A text without its terminator, and one of odd length. */
	struct reg_value odd = {.type = REG_SZ, .data = (uint8_t *)(char[]){"x\0y\0z"}, .len = 5};
	CLEANUP_FREE char *cut = reg_text(&odd);
	ck_assert_str_eq(cut, "xy");
}
END_TEST

START_TEST(reads_a_real_system_hive)
{
	size_t size;
	CLEANUP_FREE uint8_t *data = real_system(&size);
	struct hive *h = NULL;
	ck_ok(hive_open(&h, data, size, "SYSTEM", &err));
	uint32_t current = 0;
	ck_assert(hive_get_number(h, hive_find(h, hive_root(h), "select"), "CURRENT", &current));
	ck_assert_uint_eq(current, 1);
	hive_node vmci = hive_findf(h, hive_root(h), "ControlSet%03u\\Services\\vmci", current);
	ck_assert_uint_ne(vmci, 0);
	CLEANUP_FREE char *image = hive_get_text(h, vmci, "ImagePath");
	ck_assert_str_eq(image, "System32\\drivers\\vmci.sys");
	char **services = NULL;
	ck_ok(hive_subkeys(
		h, hive_find(h, hive_root(h), "ControlSet001\\Services"), &services, &err));
	size_t n = 0;
	while (services[n])
		n++;
	ck_assert_uint_eq(n, 701);
	reg_texts_free(services);
	struct reg_value none = {0};
	int rc = -1;
	ck_ok(rc = hive_get(h, vmci, "no such value", &none, &err));
	ck_assert_int_eq(rc, 0);
	ck_assert_uint_eq(hive_find(h, hive_root(h), "no\\such\\key"), 0);
	hive_close(h);
}
END_TEST

START_TEST(writes_what_hivexregedit_reads)
{
	size_t size, out_size;
	uint8_t *out = NULL;
	CLEANUP_FREE uint8_t *data = real_system(&size);
	struct hive *h = NULL;
	hive_node node;
	ck_ok(hive_open(&h, data, size, "SYSTEM", &err));
	ck_ok(hive_make(
		h, hive_root(h), "ControlSet001\\Services\\ce\xc3\xa9\\Parameters", &node, &err));
	const char *const texts[] = {"one", "two", NULL};
	CLEANUP_REG_VALUE struct reg_value multi = reg_multi_sz(texts), n = reg_dword(0x10),
					   sz = reg_sz("x");
	ck_ok(hive_set(h, node, "List", &multi, &err));
	ck_ok(hive_set(h, node, "Number", &n, &err));
	ck_ok(hive_set(h, node, "Gone", &sz, &err));
	ck_ok(hive_set(h, node, "", &sz, &err));
	ck_ok(hive_unset(h, node, "gone", &err));
	ck_ok(hive_unset(h, node, "never there", &err));
	ck_ok(hive_delete(h, hive_find(h, hive_root(h), "ControlSet001\\Services\\vmci"), &err));
	ck_ok(hive_save(h, &out, &out_size, &err));
	hive_close(h);

	CLEANUP_FREE char *path = xasprintf("%s/changed", unit_tmp());
	ck_ok(file_write_atomic(path, out, out_size, 0600, &err));
	free(out);
	ck_assert_int_eq(unit_run("hivexregedit --export --unsafe-printable-strings '%s' "
				  "'\\ControlSet001\\Services\\ce\xc3\xa9' > '%s.reg'",
				 path, path),
		0);
	ck_assert_int_eq(unit_run("grep -qx '\"Number\"=dword:00000010' '%s.reg'", path), 0);
	ck_assert_int_eq(
		unit_run("grep -q '^\"List\"=hex(7):6f,00,6e,00,65,00,00,00,74' '%s.reg'", path),
		0);
	ck_assert_int_eq(unit_run("grep -q '^@=' '%s.reg'", path), 0);
	ck_assert_int_ne(unit_run("grep -q Gone '%s.reg'", path), 0);
	ck_assert_int_ne(unit_run("hivexregedit --export '%s' '\\ControlSet001\\Services\\vmci' "
				  ">/dev/null 2>&1",
				 path),
		0);
	/* What was not touched is as it was. */
	CLEANUP_FREE char *before = xasprintf("%s/SYSTEM", unit_tmp());
	ck_assert_int_eq(unit_run("hivexregedit --export '%s' '\\DriverDatabase' > '%s.1' && "
				  "hivexregedit --export '%s' '\\DriverDatabase' > '%s.2' && "
				  "cmp '%s.1' '%s.2'",
				 before, path, path, path, path, path),
		0);
}
END_TEST

START_TEST(dirty_and_foreign_files_are_refused)
{
	size_t size;
	CLEANUP_FREE uint8_t *data = real_system(&size);
	struct hive *h = NULL;
	data[4] ^= 1;
	ck_fails(hive_open(&h, data, size, "SYSTEM", &err), ERR_HIVE_DIRTY, "not closed cleanly");
	data[0] = 'x';
	ck_fails(
		hive_open(&h, data, size, "SYSTEM", &err), ERR_HIVE_DAMAGED, "not a registry hive");
}
END_TEST

/* Names of large keys are kept: what is made and deleted in between must show. */
START_TEST(large_keys_change_under_look_ups)
{
	size_t size;
	CLEANUP_FREE uint8_t *data = real_system(&size);
	struct hive *h = NULL;
	hive_node node = 0;
	ck_ok(hive_open(&h, data, size, "SYSTEM", &err));
	hive_node services = hive_find(h, hive_root(h), "ControlSet001\\Services");
	hive_node vmci = hive_find(h, services, "VMCI");
	ck_assert_uint_ne(vmci, 0);
	ck_assert_uint_eq(hive_find(h, services, "new"), 0);
	ck_ok(hive_make(h, services, "new\\below", &node, &err));
	ck_assert_uint_ne(hive_find(h, services, "new"), 0);
	ck_assert_uint_eq(hive_find(h, services, "NEW\\below"), node);
	ck_ok(hive_delete(h, vmci, &err));
	ck_assert_uint_eq(hive_find(h, services, "vmci"), 0);
	ck_assert_uint_ne(hive_find(h, services, "vsock"), 0);
	ck_ok(hive_make(h, services, "vmci", &node, &err));
	ck_assert_uint_eq(hive_find(h, services, "vmci"), node);
	/* The key with all that was kept of it. */
	ck_ok(hive_delete(h, services, &err));
	ck_assert_uint_eq(hive_find(h, hive_root(h), "ControlSet001\\Services\\vsock"), 0);
	ck_ok(hive_make(h, hive_root(h), "ControlSet001\\Services\\one", &node, &err));
	ck_assert_uint_eq(hive_find(h, hive_root(h), "ControlSet001\\Services\\vsock"), 0);
	ck_assert_uint_eq(hive_find(h, hive_root(h), "ControlSet001\\Services\\one"), node);
	hive_close(h);
}
END_TEST

UNIT_MAIN("hive", large_keys_change_under_look_ups, values_have_windows_forms,
	reads_a_real_system_hive, writes_what_hivexregedit_reads,
	dirty_and_foreign_files_are_refused)
