/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A preparation from disk to disk: the real SYSTEM hive of a Windows on VMware, on an NTFS volume in a GPT
 * disk, goes to Hyper-V. What came of it is read by ntfscat, hivexregedit and ntfsfix.
 */
#include "unit.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "io.h"
#include "mem.h"
#include "ntfs-tool.h"
#include "prepare.h"

struct fixture {
	char *path, *journal;
};

/* SOFTWARE as far as a preparation reads it; hivexregedit writes it. */
static const char software_reg[] =
	"Windows Registry Editor Version 5.00\n\n"
	"[HKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft]\n\n[HKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Windows NT]\n\n"
	"[HKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion]\n"
	"\"ProductName\"=\"Windows 10 Pro\"\n\"CurrentVersion\"=\"6.3\"\n\"CurrentBuildNumber\"=\"19041\"\n"
	"\"CurrentMajorVersionNumber\"=dword:0000000a\n\"CurrentMinorVersionNumber\"=dword:00000000\n";

static void make_hives(const char *dir)
{
	const char *data = unit_data_dir();
	CLEANUP_FREE char *reg = xasprintf("%s/software.reg", dir);
	unit_must("xz -dc '%s/hives/win10-19041-vmware-efi.SYSTEM.xz' > '%s/SYSTEM'", data, dir);
	unit_must("cp '%s/hives/hivex/minimal' '%s/SOFTWARE' && chmod u+w '%s/SOFTWARE'", data, dir,
		dir);
	ck_ok(file_write_atomic(reg, software_reg, strlen(software_reg), 0600, &err));
	unit_must("hivexregedit --merge --prefix 'HKEY_LOCAL_MACHINE\\SOFTWARE' '%s/SOFTWARE' '%s'",
		dir, reg);
}

/* without: one of the in-box drivers whose file is not there; NULL: none. */
static struct fixture make_fixture_without(const char *name, const char *without)
{
	static const char *const folders[] = {"/Windows", "/Windows/System32",
		"/Windows/System32/config", "/Windows/System32/drivers", "/Windows/INF"};
	if (!unit_data_dir())
		unit_skip("the test data folder (CE_TEST_DATA) is missing");
	struct fixture f = {.path = xasprintf("%s/%s.img", unit_tmp(), name)};
	f.journal = xasprintf("%s.journal", f.path);
	CLEANUP_FREE char *volume = xasprintf("%s/volume", unit_tmp());
	make_hives(unit_tmp());
	ntfs_tool_make(volume, 180u << 20, 4096, 512);
	for (size_t i = 0; i < ARRAY_SIZE(folders); i++)
		ntfs_tool_mkdir(volume, folders[i]);
	unit_must(
		"cd '%s' && ntfscp -q volume SYSTEM /Windows/System32/config/SYSTEM && "
		"ntfscp -q volume SOFTWARE /Windows/System32/config/SOFTWARE && "
		"ntfscp -q volume software.reg /Windows/INF/oem2.inf && "
		"for d in vmbus storvsc; do "
		"[ $d = '%s' ] || ntfscp -q volume software.reg /Windows/System32/drivers/$d.sys || exit 1; done",
		unit_tmp(), without ? without : "");
	unit_must("truncate -s 200M '%s' && sgdisk -Z '%s' >/dev/null 2>&1; "
		  "sgdisk -n 1:2048:+180M -t 1:0700 '%s' >/dev/null && "
		  "dd if='%s' of='%s' bs=1M seek=1 conv=notrunc,sparse status=none",
		f.path, f.path, f.path, volume, f.path);
	return f;
}

static struct fixture make_fixture(const char *name)
{
	return make_fixture_without(name, NULL);
}

static void fixture_free(struct fixture *f)
{
	free(f->path);
	free(f->journal);
}

/* SHA-256 of the whole disk, as sha256sum says it. */
static char *disk_hash(const struct fixture *f)
{
	CLEANUP_FREE char *out = xasprintf("%s/hash", unit_tmp());
	char *text = NULL;
	unit_must("sha256sum < '%s' > '%s'", f->path, out);
	ck_ok(file_read(out, 1000, &text, NULL, &err));
	return text;
}

static int prepare(const struct fixture *f, struct prepare_request *r, bool dry_run,
	struct prepare_result *ret, struct error **err)
{
	struct op op = {0};
	struct disk *d CLEANUP(disk_close_p) = NULL;
	if (disk_open(&d, f->path, dry_run ? DISK_OPEN_RAW : DISK_OPEN_RAW | DISK_OPEN_WRITE, err) <
		0)
		return -1;
	return prepare_run(d, r, NULL, f->journal, dry_run, &op, ret, err);
}

/* The guest's SYSTEM hive, exported as text by programs that know nothing of this project. */
static bool system_has(const struct fixture *f, const char *key, const char *pattern)
{
	CLEANUP_FREE char *tmp = xasprintf("%s/check", unit_tmp());
	unit_must("dd if='%s' of='%s.vol' bs=1M skip=1 count=180 conv=sparse status=none && "
		  "ntfscat '%s.vol' /Windows/System32/config/SYSTEM > '%s.hive'",
		f->path, tmp, tmp, tmp);
	return unit_run(
		       "hivexregedit --export --unsafe-printable-strings '%s.hive' '%s' 2>/dev/null | "
		       "grep -a -q -E '%s'",
		       tmp, key, pattern) == 0;
}

static void check_prepared(const struct fixture *f)
{
	ck_assert(system_has(f, "\\ControlSet001\\Services\\vmci", "\"Start\"=dword:00000004"));
	ck_assert(!system_has(f, "\\ControlSet001\\Services\\storvsc", "StartOverride"));
	ck_assert(system_has(f, "\\ControlSet001\\Services\\storvsc", "\"Start\"=dword:00000000"));
	ck_assert(!system_has(f, "\\ControlSet001\\Services\\VMTools", "Start"));
	/* system_has() left the volume there. */
	unit_must("ntfsfix -n '%s/check.vol' >/dev/null", unit_tmp());
	ck_assert_int_ne(unit_run("ntfscat '%s/check.vol' /Windows/INF/oem2.inf >/dev/null 2>&1",
				 unit_tmp()),
		0);
}

START_TEST(dry_run_changes_nothing_and_says_everything)
{
	struct fixture f = make_fixture("dry");
	struct prepare_request r = {.target = (char *)"hyperv"};
	struct prepare_result result = {0};
	CLEANUP_FREE char *before = disk_hash(&f);
	ck_ok(prepare(&f, &r, true, &result, &err));
	CLEANUP_FREE char *after = disk_hash(&f);
	ck_assert_str_eq(before, after);
	ck_assert_int_ne(access(f.journal, F_OK), 0);
	ck_assert_str_eq(json_string_value(json_object_get(result.report, "source")), "vsphere");
	ck_assert_uint_ge(json_array_size(json_object_get(result.report, "actions")), 30);
	json_decref(result.report);
	fixture_free(&f);
}
END_TEST

START_TEST(prepared_disk_needs_nothing_more)
{
	struct fixture f = make_fixture("real");
	struct prepare_request r = {.target = (char *)"hyperv"};
	struct prepare_result result = {0};
	ck_ok(prepare(&f, &r, false, &result, &err));
	ck_assert(result.changed);
	ck_assert_uint_gt(result.bytes_changed, 0);
	json_decref(result.report);
	check_prepared(&f);
	CLEANUP_FREE char *before = disk_hash(&f);
	ck_ok(prepare(&f, &r, false, &result, &err));
	ck_assert(!result.changed);
	ck_assert_uint_eq(json_array_size(json_object_get(result.report, "actions")), 0);
	CLEANUP_FREE char *after = disk_hash(&f);
	ck_assert_str_eq(before, after);
	json_decref(result.report);
	fixture_free(&f);
}
END_TEST

START_TEST(refusals_leave_the_disk_as_it_was)
{
	struct fixture f = make_fixture("refused");
	struct prepare_result result;
	CLEANUP_FREE char *before = disk_hash(&f);
	struct prepare_request kvm = {.target = (char *)"kvm"}, nowhere = {.target = (char *)"vhs"},
			       root = {.target = (char *)"azure", .root = (char *)"\\WINNT"},
			       hash = {.target = (char *)"azure",
				       .md5_hash = (char *)"23a396b3438cd1b16749c6635dd6c9b2"},
			       boot = {.target = (char *)"azure",
				       .needs_first_boot =
					       (char *[]){(char *)"domainUnjoin", NULL}},
			       vda = {.target = (char *)"azure",
				       .strict = true,
				       .controllers = (char *[]){(char *)"ddc.example", NULL}};
	ck_fails(prepare(&f, &kvm, false, &result, &err), ERR_BOOT_DRIVER_MISSING, "virtio");
	ck_fails(prepare(&f, &nowhere, false, &result, &err), ERR_UNKNOWN_PLATFORM, "vhs");
	ck_fails(prepare(&f, &root, false, &result, &err), ERR_NO_WINDOWS, "there is 1:\\Windows");
	ck_fails(prepare(&f, &hash, false, &result, &err), ERR_HASH_MISMATCH,
		"Expected hash [23a396b3438cd1b16749c6635dd6c9b2] does not match provided disk");
	ck_fails(prepare(&f, &boot, false, &result, &err), ERR_NEEDS_FIRST_BOOT, "domainUnjoin");
	ck_fails(prepare(&f, &vda, false, &result, &err), ERR_VDA_MISSING, "no Virtual Delivery");
	CLEANUP_FREE char *after = disk_hash(&f);
	ck_assert_str_eq(before, after);
	ck_assert_int_ne(access(f.journal, F_OK), 0);
	/* Without strict the rest is done, and a note says what was left out. */
	vda.strict = false;
	ck_ok(prepare(&f, &vda, true, &result, &err));
	CLEANUP_FREE char *text = json_dumps(result.report, 0);
	ck_assert_ptr_nonnull(strstr(text, "left out: xdReconfigure"));
	ck_assert_ptr_null(strstr(text, "ListOfDDCs"));
	json_decref(result.report);
	fixture_free(&f);
}
END_TEST

/* Windows' own drivers count for nothing where they are lost. */
START_TEST(lost_boot_driver)
{
	struct fixture f = make_fixture_without("lost", "storvsc");
	struct prepare_request azure = {.target = (char *)"azure"},
			       vsphere = {.target = (char *)"vsphere"};
	struct prepare_result result;
	CLEANUP_FREE char *before = disk_hash(&f);
	ck_fails(prepare(&f, &azure, false, &result, &err), ERR_BOOT_DRIVER_MISSING,
		"VMBus SCSI (file \\Windows\\System32\\drivers\\storvsc.sys is missing)");
	/* none of its files is there, and it names every way */
	ck_fails(prepare(&f, &vsphere, false, &result, &err), ERR_BOOT_DRIVER_MISSING,
		"LSI Logic SAS");
	CLEANUP_FREE char *after = disk_hash(&f);
	ck_assert_str_eq(before, after);
	fixture_free(&f);
}
END_TEST

/* KILL after a random time; the same job again completes it, from whatever state. */
START_TEST(killed_preparation_is_completed_by_the_same_job)
{
	struct fixture f = make_fixture("killed");
	CLEANUP_FREE char *original = xasprintf("%s.original", f.path);
	CLEANUP_FREE char *before = disk_hash(&f);
	unit_must("cp --sparse=always '%s' '%s'", f.path, original);
	srand(11);
	for (int i = 0; i < 2; i++) {
		struct prepare_request r = {.target = (char *)"azure"};
		struct prepare_result result = {0};
		unit_must("cp --sparse=always '%s' '%s'", original, f.path);
		pid_t pid = fork();
		if (pid == 0) {
			struct error *err = NULL;
			_exit(prepare(&f, &r, false, &result, &err) < 0);
		}
		usleep((useconds_t)(rand() % 400000));
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		/* Without a sealed journal the disk is untouched, or the commit was complete. */
		CLEANUP_FREE char *now = disk_hash(&f);
		if (strcmp(now, before) != 0 && access(f.journal, F_OK) != 0)
			check_prepared(&f);
		ck_ok(prepare(&f, &r, false, &result, &err));
		json_decref(result.report);
		ck_assert_int_ne(access(f.journal, F_OK), 0);
		check_prepared(&f);
	}
	fixture_free(&f);
}
END_TEST

UNIT_MAIN("prepare", dry_run_changes_nothing_and_says_everything, prepared_disk_needs_nothing_more,
	refusals_leave_the_disk_as_it_was, lost_boot_driver,
	killed_preparation_is_completed_by_the_same_job)
