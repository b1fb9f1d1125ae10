/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Log replay against what Windows itself recovered, and against damage. */
#include "unit.h"

#include <string.h>

#include "hive-format.h"
#include "hive-log.h"
#include "io.h"
#include "marvin32.h"
#include "mem.h"

struct fixture {
	uint8_t *data, *log_data[2];
	size_t size;
	struct hive_log logs[2];
};

static uint8_t *load(const char *path, size_t *ret_size)
{
	struct error *err = NULL;
	char *text = NULL;
	CLEANUP_FREE char *plain = xstrdup(path);
	if (strlen(path) > 3 && strcmp(path + strlen(path) - 3, ".xz") == 0) {
		free(plain);
		plain = xasprintf("%s/unpacked", unit_tmp());
		ck_assert_int_eq(unit_run("xz -dc '%s' > '%s'", path, plain), 0);
	}
	if (file_read(plain, 64u << 20, &text, ret_size, &err) < 0)
		ck_abort_msg("%s", err->message);
	return (uint8_t *)text;
}

static const char *data_file(const char *name)
{
	static char path[4096];
	if (!unit_data_dir())
		unit_skip("the test data folder (CE_TEST_DATA) is missing");
	snprintf(path, sizeof(path), "%s/hives/%s", unit_data_dir(), name);
	return path;
}

static void fixture_load(struct fixture *f, const char *hive, const char *log1, const char *log2)
{
	const char *names[2] = {log1, log2};
	*f = (struct fixture){0};
	f->data = load(data_file(hive), &f->size);
	for (int i = 0; i < 2; i++) {
		f->logs[i].name = i ? ".LOG2" : ".LOG1";
		if (!names[i])
			continue;
		f->log_data[i] = load(data_file(names[i]), &f->logs[i].size);
		f->logs[i].data = f->log_data[i];
	}
}

static void fixture_free(struct fixture *f)
{
	free(f->data);
	free(f->log_data[0]);
	free(f->log_data[1]);
}

/* Hive bins equal to the byte; the base block in everything but times and sequence numbers. */
static void check_recovered(const struct fixture *f, const char *expected_name)
{
	size_t size;
	CLEANUP_FREE uint8_t *expected = load(data_file(expected_name), &size);
	const struct hive_base_block *want = (const void *)expected, *got = (const void *)f->data;
	uint32_t bins = le32_get(want->bins_size);
	ck_assert_uint_eq(le32_get(got->bins_size), bins);
	ck_assert_uint_le(HIVE_BASE_BLOCK_SIZE + bins, f->size);
	size_t different = 0;
	for (size_t i = 0; i < bins; i++)
		different +=
			f->data[HIVE_BASE_BLOCK_SIZE + i] != expected[HIVE_BASE_BLOCK_SIZE + i];
	ck_assert_uint_eq(different, 0);
	ck_assert_uint_eq(le32_get(got->checksum), hive_checksum(f->data));
	ck_assert_uint_eq(le32_get(got->primary_sequence), le32_get(got->secondary_sequence));
	ck_assert_uint_eq(le32_get(got->file_type), HIVE_TYPE_PRIMARY);
	ck_assert_uint_eq(le32_get(got->root_cell), le32_get(want->root_cell));
}

START_TEST(new_format_equals_windows_10)
{
	struct fixture f;
	struct hive_replay_report r;
	fixture_load(&f, "yarp/NewDirtyHive1/NewDirtyHive", "yarp/NewDirtyHive1/NewDirtyHive.LOG1",
		"yarp/NewDirtyHive1/NewDirtyHive.LOG2");
	ck_ok(hive_replay(&f.data, &f.size, f.logs, &r, &err));
	ck_assert(r.dirty);
	ck_assert_uint_eq(r.entries, 4);
	ck_assert_ptr_null(r.stopped);
	check_recovered(&f, "yarp/NewDirtyHive1/RecoveredHive_Windows10");
	size_t size = f.size;
	ck_ok(hive_replay(&f.data, &f.size, f.logs, &r, &err));
	ck_assert(!r.dirty);
	ck_assert_uint_eq(f.size, size);
	fixture_free(&f);

	/* The same hive a step later: LOG1's entry is in it already. */
	fixture_load(&f, "yarp/NewDirtyHive2/NewDirtyHive", "yarp/NewDirtyHive2/NewDirtyHive.LOG1",
		"yarp/NewDirtyHive2/NewDirtyHive.LOG2");
	ck_ok(hive_replay(&f.data, &f.size, f.logs, &r, &err));
	ck_assert_uint_eq(r.entries, 3);
	check_recovered(&f, "yarp/NewDirtyHive1/RecoveredHive_Windows10");
	fixture_free(&f);
}
END_TEST

START_TEST(grown_hive_equals_the_recovered_one)
{
	struct fixture f;
	struct hive_replay_report r;
	fixture_load(&f, "transactions_NTUSER.DAT.xz", "transactions_ntuser.dat.log1.xz",
		"transactions_ntuser.dat.log2.xz");
	uint32_t before = le32_get(((const struct hive_base_block *)f.data)->bins_size);
	ck_ok(hive_replay(&f.data, &f.size, f.logs, &r, &err));
	ck_assert_uint_gt(le32_get(((const struct hive_base_block *)f.data)->bins_size), before);
	check_recovered(&f, "transactions_NTUSER.DAT.recovered.xz");
	hive_replay_report_done(&r);
	fixture_free(&f);
}
END_TEST

START_TEST(logs_may_be_swapped)
{
	struct fixture f;
	struct hive_replay_report r;
	fixture_load(&f, "yarp/NewDirtyHive1/NewDirtyHive", "yarp/NewDirtyHive1/NewDirtyHive.LOG2",
		"yarp/NewDirtyHive1/NewDirtyHive.LOG1");
	ck_ok(hive_replay(&f.data, &f.size, f.logs, &r, &err));
	check_recovered(&f, "yarp/NewDirtyHive1/RecoveredHive_Windows10");
	fixture_free(&f);
}
END_TEST

START_TEST(torn_base_block_comes_from_the_log)
{
	struct fixture f;
	struct hive_replay_report r;
	fixture_load(&f, "yarp/NewDirtyHive1/NewDirtyHive", "yarp/NewDirtyHive1/NewDirtyHive.LOG1",
		"yarp/NewDirtyHive1/NewDirtyHive.LOG2");
	memset(f.data + 64, 0xee, 448);
	ck_ok(hive_replay(&f.data, &f.size, f.logs, &r, &err));
	ck_assert(r.base_recovered);
	ck_assert_uint_eq(r.entries, 3);
	ck_assert_uint_eq(r.last_sequence, 5);
	ck_assert_uint_eq(hive_checksum(f.data), le32_at(f.data + 508));
	fixture_free(&f);

	/* Old format: the log's time is not that of the hive's bins, so it is not this hive's log. */
	fixture_load(&f, "yarp/BadBaseBlockHive/BadBaseBlockHive",
		"yarp/BadBaseBlockHive/BadBaseBlockHive.LOG1", NULL);
	ck_fails(hive_replay(&f.data, &f.size, f.logs, &r, &err), ERR_HIVE_DIRTY,
		"belongs to its state");
	fixture_free(&f);
}
END_TEST

START_TEST(old_format_equals_windows_7)
{
	struct fixture f;
	struct hive_replay_report r;
	fixture_load(
		&f, "yarp/OldDirtyHive/OldDirtyHive", "yarp/OldDirtyHive/OldDirtyHive.LOG1", NULL);
	ck_ok(hive_replay(&f.data, &f.size, f.logs, &r, &err));
	ck_assert_uint_gt(r.bytes, 0);
	/* Windows 7 loaded the hive and wrote on in it: its keys, not its bytes, are the oracle. */
	CLEANUP_FREE char *mine = xasprintf("%s/replayed", unit_tmp());
	ck_ok(file_write_atomic(mine, f.data, f.size, 0600, &err));
	const char *theirs = data_file("yarp/OldDirtyHive/RecoveredHive_Windows7");
	ck_assert_int_eq(unit_run("hivexregedit --export '%s' '\\' >'%s.1' && "
				  "hivexregedit --export '%s' '\\' >'%s.2' && cmp '%s.1' '%s.2'",
				 mine, mine, theirs, mine, mine, mine),
		0);
	fixture_free(&f);
}
END_TEST

START_TEST(damaged_logs_are_refused_with_the_reason)
{
	static const char *const names[][3] = {
		{"yarp/BadLogHive1/BadLogHive", "yarp/BadLogHive1/BadLogHive.LOG1", NULL},
		{"yarp/BadLogHive2/BadLogHive", "yarp/BadLogHive2/BadLogHive.LOG1", NULL},
		{"yarp/BadLogHive3/BadLogHive", "yarp/BadLogHive3/BadLogHive.LOG1",
			"yarp/BadLogHive3/BadLogHive.LOG2"},
		{"win10-18362-vmware-bios-dirty-nolog.SYSTEM.xz", NULL, NULL},
	};
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct fixture f;
		struct hive_replay_report r;
		fixture_load(&f, names[i][0], names[i][1], names[i][2]);
		CLEANUP_FREE uint8_t *copy = xmemdup(f.data, f.size);
		ck_fails(hive_replay(&f.data, &f.size, f.logs, &r, &err), ERR_HIVE_DIRTY,
			"not closed cleanly");
		ck_assert_int_eq(memcmp(copy, f.data, f.size), 0);
		fixture_free(&f);
	}
}
END_TEST

START_TEST(torn_last_entry_ends_the_replay_as_windows_does)
{
	struct fixture f;
	struct hive_replay_report r;
	fixture_load(&f, "yarp/NewDirtyHive1/NewDirtyHive", "yarp/NewDirtyHive1/NewDirtyHive.LOG1",
		"yarp/NewDirtyHive1/NewDirtyHive.LOG2");
	f.log_data[1][32768 + 200] ^= 1; /* a byte in the last entry's pages */
	ck_ok(hive_replay(&f.data, &f.size, f.logs, &r, &err));
	ck_assert_uint_eq(r.entries, 3);
	ck_assert_ptr_nonnull(strstr(r.stopped, ".LOG2: entry at 0x8000"));
	hive_replay_report_done(&r);
	fixture_free(&f);
}
END_TEST

/* Every single-byte change of a small log: an error or a hive whose base block is sound, no crash. */
START_TEST(flipped_bytes_never_crash)
{
	struct fixture f;
	fixture_load(&f, "yarp/NewDirtyHive1/NewDirtyHive", "yarp/NewDirtyHive1/NewDirtyHive.LOG1",
		"yarp/NewDirtyHive1/NewDirtyHive.LOG2");
	unsigned refused = 0, replayed = 0;
	for (size_t i = 0; i < 1200; i++) {
		struct error *err = NULL;
		struct hive_replay_report r = {0};
		uint8_t *data = xmemdup(f.data, f.size);
		size_t size = f.size;
		f.log_data[i % 2][i / 2] ^= 0xff;
		if (hive_replay(&data, &size, f.logs, &r, &err) < 0)
			refused++;
		else if (le32_at(data + 508) == hive_checksum(data))
			replayed++;
		f.log_data[i % 2][i / 2] ^= 0xff;
		hive_replay_report_done(&r);
		err_free(err);
		free(data);
	}
	ck_assert_uint_eq(refused + replayed, 1200);
	ck_assert_uint_gt(replayed, 0);
	fixture_free(&f);
}
END_TEST

START_TEST(no_hive_is_refused)
{
	struct hive_replay_report r;
	struct hive_log none[2] = {{0}};
	size_t size = 5000;
	uint8_t *data = xcalloc(1, size);
	ck_fails(
		hive_replay(&data, &size, none, &r, &err), ERR_HIVE_DAMAGED, "not a registry hive");
	free(data);
}
END_TEST

UNIT_MAIN("hive-log", new_format_equals_windows_10, grown_hive_equals_the_recovered_one,
	old_format_equals_windows_7, logs_may_be_swapped, torn_base_block_comes_from_the_log,
	damaged_logs_are_refused_with_the_reason, torn_last_entry_ends_the_replay_as_windows_does,
	flipped_bytes_never_crash, no_hive_is_refused)
