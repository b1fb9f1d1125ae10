/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The first start's service on a real NTFS volume and made hives: what is there afterwards is told by
 * hivexregedit, ntfscat and libntfs-3g.
 */
#include "first-boot-util.h"
#include "plan-notes.h"
#include "sd-util.h"

START_TEST(keep_puts_program_and_service)
{
	struct fixture f;
	uint8_t sd[4096];
	begin(&f, true);
	size_t len = sd_from_text(sd,
		"O:TI G:TI D:AI(A;;1f01ff;TI)(A;CIIO;10000000;TI)(A;;1301bf;SY)(A;OICIIO;10000000;SY)"
		"(A;;1200a9;BU)(A;OICIIO;a0000000;BU)(A;OICIIO;10000000;CO)S:AI(AU;OICISAFA;2;WD)");
	ntfs_tool_set_security(f.image, "/Windows", sd, len);
	ntfs_check_sound(f.image);
	run(&f, "vsphere", "gcp", NETWORK_KEEP);
	CHECK_HIVES(&f, true, PLANTED, handed_static);
	ck_assert_int_eq(program(&f, "/Windows/CEAgent/ce-firstboot.exe"), 1);
	/* What Windows would give them below that folder: users read, and do not write. */
	len = ntfs_tool_security(f.image, "/Windows/CEAgent", sd, sizeof(sd));
	ck_assert_str_eq(sd_to_text(sd, len),
		"O:SY G:SY D:AI(A;ID;1f01ff;TI)(A;CIIOID;10000000;TI)(A;ID;1f01ff;SY)"
		"(A;OICIIOID;10000000;SY)(A;ID;1200a9;BU)(A;OICIIOID;a0000000;BU)"
		"(A;OICIIOID;10000000;CO) S:AI(AU;OICIIDSAFA;2;WD)");
	len = ntfs_tool_security(f.image, "/Windows/CEAgent/ce-firstboot.exe", sd, sizeof(sd));
	ck_assert_str_eq(sd_to_text(sd, len),
		"O:SY G:SY D:AI(A;ID;1f01ff;SY)(A;ID;1200a9;BU) S:AI(AU;IDSAFA;2;WD)");
	ck_assert_uint_eq(f.warnings, 0);
	ck_assert(plan_notes_have(&f.plan, "192.0.2.10/255.255.255.0"));
	ck_assert(plan_notes_have(&f.plan, "Windows restarts once"));
	ck_assert_int_eq(unit_run("objdump -f " FIRSTBOOT_EXE " | grep -q pei-x86-64"), 0);
	end(&f);
}
END_TEST

/* Where nobody asked, a start with a restart is worth it for settings that DHCP does not bring. */
START_TEST(settings_made_by_hand_or_a_word_make_a_first_start)
{
	static const struct {
		bool is_static;
		enum network_choice network;
		bool planted;
	} cases[] = {
		{false, NETWORK_UNSAID, false},
		{false, NETWORK_KEEP, true},
		{true, NETWORK_UNSAID, true},
		{true, NETWORK_KEEP, true},
		{true, NETWORK_DHCP, false},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct fixture f;
		begin(&f, cases[i].is_static);
		run(&f, NULL, "azure", cases[i].network);
		ck_assert_int_eq(
			program(&f, "/Windows/CEAgent/ce-firstboot.exe"), cases[i].planted);
		ck_assert_int_eq(first_boot_pending(&f.g), cases[i].planted);
		ck_assert_uint_eq(f.warnings, 0);
		end(&f);
	}
}
END_TEST

START_TEST(where_there_can_be_none_a_warning_says_so)
{
	static const struct made_row team[] = {
		ROWS_NIC("COMPOSITEBUS\\MS_IMPLAT_MP\\1", "0009", GUID_2), {0}};
	struct fixture f;
	begin(&f, true);
	f.g.arch = INF_ARM64;
	run(&f, "vsphere", "azure", NETWORK_KEEP);
	ck_assert_int_eq(first_boot_pending(&f.g), 0);
	ck_assert_uint_eq(f.warnings, 1);
	ck_assert_ptr_nonnull(strstr(f.last_warning, "192.0.2.10/255.255.255.0"));
	f.g.arch = INF_AMD64;
	made_guest_add(&f.g, team);
	run(&f, "vsphere", "azure", NETWORK_KEEP);
	ck_assert_int_eq(first_boot_pending(&f.g), 0);
	ck_assert_ptr_nonnull(strstr(f.last_warning, "a team or a virtual switch"));
	ck_assert_int_eq(there(&f, "/Windows/CEAgent"), 0);
	end(&f);
}
END_TEST

START_TEST(of_several_adapters_the_address_is_named)
{
	static const uint8_t mac[] = {0, 0x50, 0x56, 1, 2, 3};
	static const struct made_row second[] = {
		ROWS_NIC("PCI\\VEN_8086&DEV_10D3\\2", "0002", GUID_2), {0}};
	struct fixture f;
	hive_node node = 0;
	begin(&f, true);
	made_guest_add(&f.g, second);
	struct hive *h = f.g.hives[HIVE_SYSTEM].h;
	CLEANUP_REG_VALUE struct reg_value v = reg_binary(mac, sizeof(mac));
	ck_ok(hive_make(h, hive_root(h),
		"ControlSet001\\Control\\NetworkSetup2\\Interfaces\\" GUID "\\Kernel", &node,
		&err));
	ck_ok(hive_set(h, node, "PermanentAddress", &v, &err));
	run(&f, "vsphere", "azure", NETWORK_UNSAID);
	ck_assert(first_boot_pending(&f.g));
	ck_assert_uint_eq(f.warnings, 1);
	ck_assert_ptr_nonnull(strstr(f.last_warning, "00-50-56-01-02-03"));
	end(&f);
}
END_TEST

/* ---- a second preparation before the first start ---- */

START_TEST(on_to_a_third_platform_it_stays)
{
	struct fixture f;
	begin(&f, true);
	ck_assert_uint_gt(run(&f, "vsphere", "gcp", NETWORK_UNSAID), 0);
	ck_assert_uint_eq(run(&f, "vsphere", "gcp", NETWORK_UNSAID), 0);
	ck_assert_uint_eq(run(&f, "vsphere", "gcp", NETWORK_KEEP), 0);
	/* The tools are gone: what it came from may look like another, or like none. */
	ck_assert_uint_eq(run(&f, NULL, "azure", NETWORK_KEEP), 0);
	ck_assert_uint_eq(run(&f, "azure", "azure", NETWORK_UNSAID), 0);
	CHECK_HIVES(&f, true, PLANTED, handed_static);
	end(&f);
}
END_TEST

START_TEST(on_the_way_back_it_goes)
{
	struct fixture f;
	begin(&f, true);
	run(&f, "vsphere", "gcp", NETWORK_KEEP);
	ck_assert_uint_gt(run(&f, "gcp", "vsphere", NETWORK_KEEP), 0);
	ck_assert(plan_notes_have(&f.plan, "called off"));
	CHECK_HIVES(&f, true, handed_over, of_vsphere, handed_static);
	ck_assert_int_eq(there(&f, "/Windows/CEAgent"), 0);
	ck_assert_int_eq(there(&f, "/Windows"), 1);
	ck_assert_uint_eq(run(&f, "gcp", "vsphere", NETWORK_UNSAID), 0);
	/* And there again. */
	run(&f, "vsphere", "gcp", NETWORK_KEEP);
	CHECK_HIVES(&f, true, PLANTED, handed_static);
	ck_assert_int_eq(program(&f, "/Windows/CEAgent/ce-firstboot.exe"), 1);
	end(&f);
}
END_TEST

START_TEST(dhcp_forgets_all_of_it)
{
	struct fixture f;
	begin(&f, false);
	run(&f, "vsphere", "gcp", NETWORK_KEEP);
	CHECK_HIVES(&f, false, PLANTED, handed_dhcp);
	run(&f, "vsphere", "vsphere", NETWORK_DHCP);
	static const struct made_row nothing_more[] = {ROW_KEY("SOFTWARE\\CE Agent"), {0}};
	CHECK_HIVES(&f, false, nothing_more);
	ck_assert_int_eq(there(&f, "/Windows/CEAgent"), 0);
	end(&f);
}
END_TEST

/* Nothing by hand and nothing said: the last request counts. */
START_TEST(unsaid_it_goes_where_dhcp_is_all_there_is)
{
	struct fixture f;
	begin(&f, false);
	run(&f, "vsphere", "gcp", NETWORK_KEEP);
	ck_assert(first_boot_pending(&f.g));
	run(&f, "vsphere", "azure", NETWORK_UNSAID);
	CHECK_HIVES(&f, false, handed_over, of_vsphere, handed_dhcp);
	ck_assert_int_eq(program(&f, "/Windows/CEAgent/ce-firstboot.exe"), 0);
	end(&f);
}
END_TEST

/* ---- after a first start ---- */

START_TEST(what_a_run_left_does_not_count)
{
	static const struct made_row after_run[] = {
		ROW_NUMBER(SERVICE, "Start", 4),
		ROW_NUMBER(SERVICE, "DeleteFlag", 1),
		ROW_NUMBER("SOFTWARE\\CE Agent\\Network", "Starts", 3),
		ROW_TEXT("SOFTWARE\\CE Agent\\Network\\Result", "State", "given up"),
		ROW_TEXT("SOFTWARE\\CE Agent\\Network\\Result\\" GUID, "Done", "no match"),
		{0},
	};
	static const struct made_row of_azure[] = {
		ROW_TEXT("SOFTWARE\\CE Agent\\Network", "Source", "azure"), {0}};
	struct fixture f;
	begin(&f, true);
	run(&f, "vsphere", "azure", NETWORK_KEEP);
	made_guest_add(&f.g, after_run);
	ck_assert(!first_boot_pending(&f.g) && first_boot_begun(&f.g));
	f.c = change(f.image);
	put_text(&f.c, "\\Windows\\CEAgent\\ce-firstboot.exe", "an older one");
	put_text(&f.c, "\\Windows\\CEAgent\\firstboot.log", "what it did");
	change_commit(&f.c);
	/* It ran there: back to where it once came from, it is to hand over again. */
	run(&f, "azure", "vsphere", NETWORK_KEEP);
	CHECK_HIVES(&f, true, PLANTED, of_azure, handed_static);
	ck_assert_int_eq(program(&f, "/Windows/CEAgent/ce-firstboot.exe"), 1);
	/* Its log is not ours to delete. */
	run(&f, "azure", "azure", NETWORK_KEEP);
	ck_assert_int_eq(program(&f, "/Windows/CEAgent/ce-firstboot.exe"), 0);
	ck_assert_int_eq(program(&f, "/Windows/CEAgent/firstboot.log"), -1);
	end(&f);
}
END_TEST

START_TEST(one_that_has_begun_may_finish)
{
	static const struct made_row begun[] = {
		ROW_NUMBER("SOFTWARE\\CE Agent\\Network", "Starts", 1), {0}};
	struct fixture f;
	begin(&f, true);
	run(&f, "vsphere", "azure", NETWORK_KEEP);
	made_guest_add(&f.g, begun);
	ck_assert_uint_eq(run(&f, "azure", "azure", NETWORK_KEEP), 0);
	ck_assert(first_boot_pending(&f.g));
	ck_assert(plan_notes_have(&f.plan, "left to finish"));
	end(&f);
}
END_TEST

START_TEST(on_another_machine_the_record_is_stale)
{
	static const struct made_row moved[] = {ROW_TEXT("SYSTEM\\HardwareConfig", "LastConfig",
							"{22222222-0000-4000-8000-000000000002}"),
		{0}};
	struct fixture f;
	begin(&f, true);
	run(&f, "vsphere", "gcp", NETWORK_KEEP);
	run(&f, "vsphere", "vsphere", NETWORK_KEEP);
	ck_assert(!first_boot_pending(&f.g));
	/* Somebody else moved it and started it there. */
	made_guest_add(&f.g, moved);
	run(&f, "hyperv", "vsphere", NETWORK_KEEP);
	ck_assert(first_boot_pending(&f.g));
	end(&f);
}
END_TEST

/* UTF-16 text with two NULs where there are two bars. */
static struct reg_value rename_list(const char *text)
{
	struct reg_value v = reg_sz(text);
	v.type = REG_MULTI_SZ;
	for (size_t i = 0; i + 1 < v.len; i += 2)
		if (v.data[i] == '|')
			v.data[i] = 0;
	return v;
}

#define PROGRAM "\\??\\C:\\WINDOWS\\CEAgent\\CE-FirstBoot.exe"

START_TEST(its_program_is_not_deleted_at_the_start)
{
	static const struct {
		const char *before, *after; /* NULL: no value */
	} cases[] = {
		{PROGRAM "||", NULL},
		{"\\??\\C:\\a||" PROGRAM "||\\??\\C:\\b|!\\??\\C:\\c|",
			"\\??\\C:\\a||\\??\\C:\\b|!\\??\\C:\\c|"},
		{"\\??\\C:\\a||\\??\\C:\\b|" PROGRAM "|", "\\??\\C:\\a||\\??\\C:\\b|" PROGRAM "|"},
		{PROGRAM ".old||", PROGRAM ".old||"},
		{PROGRAM, PROGRAM}, /* no pair */
		{"", ""},
	};
	struct fixture f;
	begin(&f, true);
	made_guest_add(&f.g, (const struct made_row[]){ROW_KEY(SESSION), {0}});
	struct hive *h = f.g.hives[HIVE_SYSTEM].h;
	hive_node node = hive_find(h, hive_root(h), "ControlSet002\\Control\\Session Manager");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP_REG_VALUE struct reg_value v = rename_list(cases[i].before), is = {0};
		ck_ok(hive_set(h, node, "PendingFileRenameOperations", &v, &err));
		run(&f, "vsphere", "azure", NETWORK_KEEP);
		int found = -1;
		ck_ok(found = hive_get(h, node, "PendingFileRenameOperations", &is, &err));
		ck_assert_int_eq(found, cases[i].after != NULL);
		CLEANUP_REG_VALUE struct reg_value want =
			rename_list(cases[i].after ? cases[i].after : "");
		ck_assert(!found || reg_value_equal(&is, &want));
	}
	end(&f);
}
END_TEST

/* ---- where it lies ---- */

static int check_one(struct fixture *f, const char *path, struct error **err)
{
	plan_done(&f->plan);
	plan_file_put(&f->plan, path, "x", 1, "test");
	f->c = change(f->image);
	f->g.volume = f->c.v;
	int rc = plan_check(&f->plan, &f->g, err);
	f->g.volume = NULL;
	change_drop(&f->c);
	return rc;
}

START_TEST(in_the_folder_that_windows_is_in)
{
	struct fixture f;
	begin(&f, true);
	f.g.root = (char *)"\\WINNT";
	run(&f, "vsphere", "azure", NETWORK_KEEP);
	ck_assert_int_eq(program(&f, "/WINNT/CEAgent/ce-firstboot.exe"), 1);
	ck_assert_int_eq(there(&f, "/Windows/CEAgent"), 0);
	ck_ok(check_one(&f, "\\winnt\\CEAgent\\CE-firstboot.exe", &err));
	ck_ok(check_one(&f, "\\WINNT\\System32\\x.dll", &err));
	ck_fails(check_one(&f, "\\Windows\\System32\\x.dll", &err), ERR_INTERNAL, "touch");
	ck_fails(check_one(&f, "\\WINNT2\\x.dll", &err), ERR_INTERNAL, "touch");
	ck_fails(check_one(&f, "\\WINNT\\..\\x.dll", &err), ERR_INTERNAL, "touch");
	ck_fails(check_one(&f, "\\CEAgent\\ce-firstboot.exe", &err), ERR_INTERNAL, "touch");
	end(&f);
}
END_TEST

UNIT_MAIN("net-first-boot", keep_puts_program_and_service,
	settings_made_by_hand_or_a_word_make_a_first_start,
	where_there_can_be_none_a_warning_says_so, of_several_adapters_the_address_is_named,
	on_to_a_third_platform_it_stays, on_the_way_back_it_goes, dhcp_forgets_all_of_it,
	unsaid_it_goes_where_dhcp_is_all_there_is, what_a_run_left_does_not_count,
	one_that_has_begun_may_finish, on_another_machine_the_record_is_stale,
	its_program_is_not_deleted_at_the_start, in_the_folder_that_windows_is_in)
