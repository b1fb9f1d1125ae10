/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Inspection of what is not in order: it always gives a whole document; and BitLocker's metadata, damaged. */
#include "unit.h"

#include <string.h>

#include "bitlocker.h"
#include "guest-check.h"
#include "hive-guest.h"
#include "hive-make.h"
#include "jsonx.h"
#include "le.h"
#include "mem.h"
#include "ntfs-tool-file.h"
#include "ntfs-tool.h"
#include "wof-util.h"

static const json_t *member(const json_t *o, const char *name)
{
	const json_t *v = json_object_get(o, name);
	ck_assert_msg(v != NULL, "no member %s", name);
	return v;
}

START_TEST(nothing_can_be_read)
{
	static const char *const null[] = {"productName", "build", "architecture", "computerName",
		"controlSets", "bootDrivers", "filters", "network", "pagefile", "security",
		"compactOs"};
	struct guest g = {.root = (char *)"\\Windows"};
	err_set(&g.hives[HIVE_SYSTEM].problem, ERR_HIVE_DIRTY, "no logs");
	CLEANUP_JSON json_t *o = guest_inspect(&g);
	for (size_t i = 0; i < ARRAY_SIZE(null); i++)
		ck_assert_msg(json_is_null(member(o, null[i])), "%s", null[i]);
	const json_t *system = json_array_get(member(o, "hives"), 0);
	ck_assert_str_eq(json_string_value(member(system, "state")), "unreadable");
	ck_assert_str_eq(json_string_value(member(system, "error")), "no logs");
	ck_assert(json_is_null(member(member(o, "source"), "platform")));
	err_free(g.hives[HIVE_SYSTEM].problem);
}
END_TEST

START_TEST(keys_that_are_not_there)
{
	struct guest g = {.root = (char *)"\\Windows"};
	g.hives[HIVE_SYSTEM].h = hive_make_open("SYSTEM");
	g.hives[HIVE_SOFTWARE].h = hive_make_open("SOFTWARE");
	CLEANUP_JSON json_t *o = guest_inspect(&g);
	ck_assert_uint_eq(json_array_size(member(o, "bootDrivers")), 0);
	ck_assert_uint_eq(json_array_size(member(member(o, "network"), "interfaces")), 0);
	ck_assert(json_is_null(member(member(o, "controlSets"), "current")));
	ck_assert(json_is_null(member(member(o, "citrix"), "vda")));
	ck_assert(json_is_false(member(member(o, "servicing"), "rebootPending")));
	hive_close(g.hives[HIVE_SYSTEM].h);
	hive_close(g.hives[HIVE_SOFTWARE].h);
}
END_TEST

/* Values of types and lengths that they should not have. */
START_TEST(values_of_other_types)
{
#define SET "ControlSet001\\"
	static const uint8_t odd[] = {'1', 0, '0', 0, '.', 0, '1'};
	static const char *const values[][2] = {{SET "Services\\acme", "Owners"},
		{SET "Services\\acme", "ImagePath"},
		{SET "Services\\Tcpip\\Parameters\\Interfaces\\{x}", "IPAddress"},
		{SET "Services\\Tcpip\\Parameters\\Interfaces\\{x}", "EnableDHCP"},
		{SET "Control\\Session Manager", "PendingFileRenameOperations"},
		{SET "Control\\Session Manager\\Memory Management", "PagingFiles"},
		{SET "Control\\Class\\{4d36e967}", "UpperFilters"}, {"Setup", "OOBEInProgress"},
		{SET "Enum\\PCI\\VEN\\1", "LowerFilters"}};
	static const uint32_t types[] = {REG_NONE, REG_SZ, REG_BINARY, REG_DWORD, REG_MULTI_SZ, 77};
	for (size_t t = 0; t < ARRAY_SIZE(types); t++)
		for (size_t len = 0; len <= sizeof(odd); len++) {
			struct guest g = {.root = (char *)"\\Windows",
				.n_control_sets = 1,
				.control_sets = {1},
				.current_control_set = 1};
			struct hive *h = g.hives[HIVE_SYSTEM].h = hive_make_open("SYSTEM");
			hive_put_number(h, SET "Services\\acme", "Start", 0);
			for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
				hive_node node = 0;
				struct reg_value v = {
					.type = types[t], .data = (uint8_t *)odd, .len = len};
				ck_ok(hive_make(h, hive_root(h), values[i][0], &node, &err));
				ck_ok(hive_set(h, node, values[i][1], &v, &err));
			}
			CLEANUP_JSON json_t *o = guest_inspect(&g);
			/* An owner that is no oemN.inf is one of Windows' own. */
			ck_assert_uint_le(json_array_size(member(o, "bootDrivers")), 1);
			ck_assert(json_is_array(member(o, "filters")));
			ck_assert(json_is_object(member(o, "network")));
			hive_close(h);
		}
}
END_TEST

START_TEST(a_real_hive)
{
	struct guest g;
	hive_guest_init(&g, "win10-19041-vmware-efi.SYSTEM");
	CLEANUP_JSON json_t *o = guest_inspect(&g);
	const json_t *drivers = member(o, "bootDrivers");
	ck_assert_uint_eq(json_array_size(drivers), 2);
	const json_t *vmci = json_array_get(drivers, 0);
	ck_assert_str_eq(json_string_value(member(vmci, "inf")), "oem2.inf");
	ck_assert_str_eq(json_string_value(member(vmci, "originalInf")), "vmci.inf");
	ck_assert_uint_eq(json_array_size(member(o, "filters")), 2);
	ck_assert_uint_eq(json_array_size(member(member(o, "network"), "interfaces")), 3);
	hive_guest_done(&g);
}
END_TEST

/* ---- from a volume ---- */

static void put_hive(const char *image, const char *path, struct hive *h)
{
	uint8_t *data = NULL;
	size_t size = 0;
	ck_ok(hive_save(h, &data, &size, &err));
	ntfs_tool_file(image, path, size);
	ntfs_tool_write(image, path, data, size);
	hive_close(h);
	free(data);
}

static void put_compressed(const char *image, const char *path)
{
	uint8_t data[600], reparse[24];
	size_t packed;
	wof_sample(data, sizeof(data), 1);
	wof_reparse(reparse, 2, WOF_XPRESS4K);
	CLEANUP_FREE uint8_t *stream = wof_pack(0, data, sizeof(data), &packed);
	ntfs_tool_file(image, path, 0);
	ntfs_tool_wof(image, path, sizeof(data), stream, packed, reparse, sizeof(reparse));
}

START_TEST(a_compressed_windows_without_software)
{
	static const char *const folders[] = {
		"/WINNT", "/WINNT/System32", "/WINNT/System32/config"};
	CLEANUP_FREE char *image = xasprintf("%s/compact", unit_tmp());
	struct hive *h = hive_make_open("SYSTEM");
	ntfs_tool_make(image, 32u << 20, 4096, 512);
	for (size_t i = 0; i < ARRAY_SIZE(folders); i++)
		ntfs_tool_mkdir(image, folders[i]);
	hive_put_number(h, "Select", "Current", 3);
	hive_put_text(h, "ControlSet003\\Control\\ComputerName\\ComputerName", "ComputerName",
		"\xe6\x9d\xb1\xe4\xba\xac");
	put_hive(image, "/WINNT/System32/config/SYSTEM", h);
	put_compressed(image, "/WINNT/explorer.exe");

	CLEANUP(disk_close_p) struct disk *d = NULL;
	CLEANUP(partition_table_free_p) struct partition_table *table = NULL;
	struct guest *g CLEANUP(guest_close_p) = NULL;
	struct op op = {0};
	ck_ok(disk_open(&d, image, DISK_OPEN_RAW, &err));
	ck_ok(partition_table_read(&table, d, &op, &err));
	ck_ok(guest_open(&g, d, table, &(struct guest_options){0}, &err));
	CLEANUP_JSON json_t *o = guest_inspect(g);
	ck_assert_str_eq(json_string_value(member(o, "root")), "\\WINNT");
	ck_assert_str_eq(json_string_value(member(o, "firmware")), "bios");
	ck_assert_str_eq(json_string_value(member(o, "computerName")), "\xe6\x9d\xb1\xe4\xba\xac");
	ck_assert(json_is_true(member(o, "compactOs")));
	ck_assert(json_is_false(member(member(o, "hibernation"), "hibernated")));
	ck_assert(json_is_null(member(o, "productName")));
	ck_fails(guest_check(g, &op, &err), ERR_HIVE_DAMAGED,
		"\"\\WINNT\\System32\\config\\SOFTWARE\" is missing");
}
END_TEST

/* ---- BitLocker ---- */

enum { VOLUME = 1 << 20, METADATA = 65536 };

static uint8_t *make_bitlocker(void)
{
	uint8_t *v = xcalloc(1, VOLUME), *m = v + METADATA, *entry = m + 112;
	memcpy(v + 3, "-FVE-FS-", 8);
	for (int i = 0; i < 3; i++)
		le64_put(v + 176 + 8 * i, METADATA);
	memcpy(m, "-FVE-FS-", 8);
	le16_put(m + 10, 2);
	le16_put(m + 12, 4);
	le32_put(m + 64, 48 + 40);
	le32_put(m + 100, 0x80008005);
	le16_put(entry, 40);
	le16_put(entry + 2, 2);
	le16_put(entry + 4, 8);
	le16_put(entry + 34, 0x0800);
	return v;
}

static int read_bitlocker(const uint8_t *v, struct bitlocker_facts *f, struct error **err)
{
	CLEANUP_FREE char *path = xasprintf("%s/bitlocker", unit_tmp());
	CLEANUP(disk_close_p) struct disk *d = NULL;
	CLEANUP_FCLOSE FILE *out = fopen(path, "wb");
	ck_assert_uint_eq(fwrite(v, 1, VOLUME, out), VOLUME);
	fflush(out);
	if (disk_open(&d, path, DISK_OPEN_RAW, err) < 0)
		return -1;
	return bitlocker_read(d, 0, VOLUME, f, err);
}

START_TEST(bitlocker_is_told_and_not_believed)
{
	CLEANUP_FREE uint8_t *v = make_bitlocker();
	uint8_t *m = v + METADATA;
	struct bitlocker_facts f = {0};
	ck_ok(read_bitlocker(v, &f, &err));
	CLEANUP_JSON json_t *o = bitlocker_to_json(&f);
	CLEANUP_FREE char *text = jsonx_dump(o);
	ck_assert_str_eq(text,
		"{\"state\":\"encrypted\",\"method\":\"aes-xts-256\",\"protectors\":[\"recovery-password\"],\"suspended\":false}");
	le16_put(m + 112 + 34, 0);
	ck_ok(read_bitlocker(v, &f, &err));
	ck_assert(f.clear_key);
	le16_put(m + 112, 3); /* an entry shorter than its head */
	ck_ok(read_bitlocker(v, &f, &err));
	ck_assert_uint_eq(f.n_protectors, 0);
	le64_put(v + 176, UINT64_MAX - 5); /* the second copy is as good */
	ck_ok(read_bitlocker(v, &f, &err));
	le32_put(m + 64, 0x7fffffff);
	ck_fails(read_bitlocker(v, &f, &err), ERR_BITLOCKER, "metadata");
	le32_put(m + 64, 20);
	ck_fails(read_bitlocker(v, &f, &err), ERR_BITLOCKER, "metadata");
	for (int i = 0; i < 3; i++)
		le64_put(v + 176 + 8 * i, VOLUME - 8);
	ck_fails(read_bitlocker(v, &f, &err), ERR_BITLOCKER, "metadata");
}
END_TEST

UNIT_MAIN("inspect", nothing_can_be_read, keys_that_are_not_there, values_of_other_types,
	a_real_hive, a_compressed_windows_without_software, bitlocker_is_told_and_not_believed)
