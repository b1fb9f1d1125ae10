/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Files of the source's tools on a real NTFS volume; what is left of it is read by ntfs-3g's own programs. */
#include "ntfs-write-util.h"
#include "plan-notes.h"

#include "hive-make.h"
#include "io.h"
#include "made-guest.h"

#define OURS   "{3A1B5C7D-0000-4000-8000-00000000AB12}"
#define OURS_P "D7C5B1A300000004080000000000BA21"
#define CATALOG                                                                                        \
	"ControlSet001\\Services\\WinSock2\\Parameters\\Protocol_Catalog9\\Catalog_Entries64\\0000000" \
	"00001"

struct fixture {
	const char *image;
	struct changing c;
	struct guest g;
	struct plan plan;
	struct prep p;
};

static void make_files(const char *image, const char *const *files)
{
	for (size_t i = 0; files[i]; i++) {
		CLEANUP_FREE char *path = xstrdup(files[i]);
		for (char *at = path; (at = strchr(at + 1, '/'));) {
			*at = '\0';
			if (unit_run("ntfsls -f '%s' -p '%s' >/dev/null 2>&1", image, path) != 0)
				ntfs_tool_mkdir(image, path);
			*at = '/';
		}
		ntfs_tool_file(image, path, 1000);
	}
}

static void begin(struct fixture *f, const char *from, const char *to, const char *const *files)
{
	*f = (struct fixture){.image = tmp("volume")};
	ntfs_tool_make(f->image, 64 * MiB, 4096, 512);
	make_files(f->image, files);
	made_guest_init(&f->g);
	f->p = (struct prep){.guest = &f->g,
		.from = platform_find(from),
		.to = platform_find(to),
		.plan = &f->plan};
}

/* Plans, carries the file actions out, plans again: nothing. */
static void run(struct fixture *f)
{
	f->c = change(f->image);
	f->g.volume = f->c.v;
	f->plan.step = "software";
	ck_ok(step_software.plan(&f->p, &err));
	for (size_t i = 0; i < f->plan.n; i++) {
		const struct action *a = &f->plan.v[i];
		if (a->kind == ACT_FILE_DELETE)
			delete_path(&f->c, a->path);
		else if (a->kind == ACT_FILE_PUT)
			ck_ok(ntfs_file_put(f->c.v, a->path, a->data, a->size, &err));
		else
			ck_ok(action_apply_reg(a, f->g.hives[a->hive].h, &err));
	}
	struct plan first = f->plan;
	f->plan = (struct plan){.step = "software"};
	ck_ok(step_software.plan(&f->p, &err));
	CLEANUP_FREE char *text = plan_to_text(&f->plan);
	ck_assert_msg(f->plan.n == 0, "plans again:\n%s", text);
	plan_done(&f->plan);
	f->plan = first;
	f->g.volume = NULL;
	change_commit(&f->c);
}

static void end(struct fixture *f)
{
	plan_done(&f->plan);
	made_guest_done(&f->g);
}

static bool there(const struct fixture *f, const char *path)
{
	return unit_run("ntfscat '%s' '%s' >/dev/null 2>&1", f->image, path) == 0;
}

START_TEST(files_of_the_tools_go_and_no_other)
{
	static const char *const go[] = {"/Windows/System32/drivers/vmci.sys",
		"/Windows/System32/vmhgfs.dll", "/Program Files/VMware/VMware Tools/vmtoolsd.exe",
		"/Program Files/Common Files/VMware/Drivers/vmci/device/Win8/vmci.inf",
		"/Windows/Installer/1a2b3c.msi", "/Windows/Installer/" OURS "/icon.exe",
		"/ProgramData/Package Cache/" OURS "/setup.exe", NULL};
	static const char *const stay[] = {"/Windows/System32/vsocklib.dll",
		"/Windows/System32/drivers/vmgencounter.sys",
		"/Windows/System32/drivers/vms3cap.sys", "/Windows/System32/drivers/vmstorfl.sys",
		"/Windows/Installer/2.msi", "/Program Files/VMware/VMware View/Agent/bin/wsnm.exe",
		"/Program Files/Common Files/VMware/Remote Experience/x64/a.dll", NULL};
	struct fixture f;
	begin(&f, "vsphere", "kvm", go);
	make_files(f.image, stay);
	struct hive *software = f.g.hives[HIVE_SOFTWARE].h;
	static const char properties[] = "Microsoft\\Windows\\CurrentVersion\\Installer\\UserData\\"
					 "S-1-5-18\\Products\\" OURS_P "\\InstallProperties";
	hive_put_text(software, properties, "DisplayName", "VMware Tools");
	hive_put_text(software, properties, "LocalPackage", "C:\\Windows\\Installer\\1a2b3c.msi");
	hive_put_text(software, "Microsoft\\Windows\\CurrentVersion\\Uninstall\\" OURS,
		"DisplayName", "VMware Tools");
	run(&f);
	for (size_t i = 0; go[i]; i++)
		ck_assert_msg(!there(&f, go[i]), "%s", go[i]);
	for (size_t i = 0; stay[i]; i++)
		ck_assert_msg(there(&f, stay[i]), "%s", stay[i]);
	end(&f);
}
END_TEST

/* A cached package is a file of that folder, not whatever the registry says. */
START_TEST(the_registry_cannot_name_other_files)
{
	static const char *const stay[] = {"/Windows/System32/a.msi", "/a.msi",
		"/Windows/Installer/sub/a.msi", "/Windows/Installer/a.txt", NULL};
	static const char *const packages[] = {"C:\\Windows\\Installer\\..\\System32\\a.msi",
		"C:\\a.msi", "C:\\Windows\\Installer\\sub\\a.msi", "C:\\Windows\\Installer\\a.txt",
		"C:\\Windows\\Installer\\", "", "C:"};
	static const char key[] = "Microsoft\\Windows\\CurrentVersion\\Installer\\UserData\\"
				  "S-1-5-18\\Products\\" OURS_P "\\InstallProperties";
	struct fixture f;
	begin(&f, "vsphere", "kvm", stay);
	f.c = change(f.image);
	f.g.volume = f.c.v;
	for (size_t i = 0; i < ARRAY_SIZE(packages); i++) {
		struct hive *h = f.g.hives[HIVE_SOFTWARE].h;
		hive_put_text(h, key, "DisplayName", "VMware Tools");
		hive_put_text(h, key, "LocalPackage", packages[i]);
		ck_ok(step_software.plan(&f.p, &err));
		for (size_t k = 0; k < f.plan.n; k++)
			ck_assert_msg(f.plan.v[k].kind != ACT_FILE_DELETE, "%s", packages[i]);
		plan_done(&f.plan);
	}
	change_drop(&f.c);
	f.g.volume = NULL;
	end(&f);
}
END_TEST

/* Without the DLL that its catalog loads, Winsock fails for every program. */
START_TEST(winsock_keeps_its_dlls)
{
	static const char *const files[] = {"/Program Files/VMware/VMware Tools/vsocklib.dll",
		"/Windows/System32/drivers/vmci.sys", NULL};
	static const char dll[260] = "C:\\Program Files\\VMware\\VMware Tools\\vsocklib.dll";
	struct fixture f;
	hive_node node = 0;
	begin(&f, "vsphere", "hyperv", files);
	struct hive *h = f.g.hives[HIVE_SYSTEM].h;
	CLEANUP_REG_VALUE struct reg_value entry = reg_binary(dll, sizeof(dll));
	ck_ok(hive_make(h, hive_root(h), CATALOG, &node, &err));
	ck_ok(hive_set(h, node, "PackedCatalogItem", &entry, &err));
	run(&f);
	ck_assert(there(&f, files[0]));
	ck_assert(!there(&f, files[1]));
	ck_assert(plan_notes_have(&f.plan, "the Winsock catalog loads a DLL of it"));
	ck_assert(plan_notes_have(&f.plan, "vsocklib.dll stays in the Winsock catalog"));
	end(&f);
}
END_TEST

/* ---- hosts ---- */

static const char hosts_before[] = "# Copyright (c) 1993-2009 Microsoft Corp.\r\n"
				   "#\t\xe4 8-bit\r\n"
				   "127.0.0.1\tlocalhost\r\n"
				   "\n# Google Compute Engine metadata server\n"
				   "    169.254.169.254    metadata.google.internal metadata\n\n"
				   "192.0.2.1 host.c.project.internal host # Added by Google\r\n"
				   "169.254.169.254 metadata.google.internal # my own line\r\n"
				   "169.254.169.254 metadata\r\n"
				   "#169.254.169.254 metadata.google.internal metadata\r\n"
				   "10.1.1.1   files \t\r\n"
				   "169.254.169.254\tMETADATA.google.internal";
static const char hosts_after[] = "# Copyright (c) 1993-2009 Microsoft Corp.\r\n"
				  "#\t\xe4 8-bit\r\n"
				  "127.0.0.1\tlocalhost\r\n"
				  "\n\n"
				  "169.254.169.254 metadata.google.internal # my own line\r\n"
				  "169.254.169.254 metadata\r\n"
				  "#169.254.169.254 metadata.google.internal metadata\r\n"
				  "10.1.1.1   files \t\r\n";

static void check_hosts(const char *from, const void *before, size_t before_size, const void *after,
	size_t after_size)
{
	static const char *const files[] = {"/Windows/System32/drivers/etc/hosts", NULL};
	struct fixture f;
	char *is = NULL;
	size_t size;
	CLEANUP_FREE char *source = xasprintf("%s/hosts", unit_tmp());
	begin(&f, from, "azure", files);
	ck_ok(file_write_atomic(source, before, before_size, 0600, &err));
	ck_assert_int_eq(unit_run("ntfscp -q '%s' '%s' '%s'", f.image, source, files[0]), 0);
	run(&f);
	ck_assert_int_eq(unit_run("ntfscat '%s' '%s' > '%s'", f.image, files[0], source), 0);
	ck_ok(file_read(source, 1 << 20, &is, &size, &err));
	ck_assert_uint_eq(size, after_size);
	ck_assert_int_eq(memcmp(is, after, size), 0);
	free(is);
	end(&f);
}

START_TEST(hosts_lose_the_agents_lines)
{
	static const char utf16[] = "\xff\xfe#\0 \0A\0d\0d\0e\0d\0";
	size_t before = sizeof(hosts_before) - 1;
	check_hosts("gcp", hosts_before, before, hosts_after, sizeof(hosts_after) - 1);
	/* From elsewhere they are somebody's own. */
	check_hosts("aws", hosts_before, before, hosts_before, before);
	check_hosts("gcp", utf16, sizeof(utf16) - 1, utf16, sizeof(utf16) - 1);
}
END_TEST

START_TEST(task_files_go)
{
	static const char *const files[] = {
		"/Windows/System32/Tasks/GCEStartup", "/Windows/System32/Tasks/GCEStartup2", NULL};
	struct fixture f;
	begin(&f, "gcp", "azure", files);
	run(&f);
	ck_assert(!there(&f, files[0]));
	ck_assert(there(&f, files[1]));
	end(&f);
}
END_TEST

UNIT_MAIN("strip-files", files_of_the_tools_go_and_no_other, the_registry_cannot_name_other_files,
	winsock_keeps_its_dlls, hosts_lose_the_agents_lines, task_files_go)
