/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The platform tables: whole, unambiguous, and no in-box component of Windows in a removal list. */
#include "unit.h"

#include <string.h>
#include <strings.h>

#include "hive.h"
#include "io.h"
#include "mem.h"
#include "platform.h"

/* Look like a vendor's, belong to Windows (facts windows-and-peers 1.3.1, 1.3.2, 1.3.10) or to Citrix. */
static const char *const never[] = {"vmbus", "VMBusHID", "vmbusr", "vmgid", "gencounter",
	"vmgencounter", "vmstorfl", "storflt", "vms3cap", "s3cap", "vmicheartbeat",
	"vmickvpexchange", "vmicrdv", "vmicshutdown", "vmictimesync", "vmicvmsession", "vmicvss",
	"vmicguestinterface", "vmcompute", "gcs", "vmms", "vmwp", "WmiApSrv", "storvsc", "netvsc",
	"XEN", "partmgr", "EhStorClass", "kbdclass", "mouclass", "volsnap", "fvevol", "iorate",
	"rdyboost", "ksthunk", "BrokerAgent", "picadd", "CVhdFilter", "bnistack", "i8042prt",
	"mouhid", "stornvme", "storahci", "pci", "LSI_SAS"};

/* Calls check for every service of every list. */
static void each_service(
	void (*check)(const char *platform, const struct strip_service *s, void *data), void *data)
{
	for (const struct platform *p = platforms; p->name; p++)
		for (const struct strip_list *const *l = p->strips; l && *l; l++)
			for (const struct strip_service *s = (*l)->services; s && s->name; s++)
				check(p->name, s, data);
}

static void check_once(const char *platform, const struct strip_service *s, void *data)
{
	(void)data;
	for (const struct strip_service *t = s + 1; t->name; t++)
		ck_assert_msg(strcasecmp(s->name, t->name) != 0, "%s: %s twice", platform, s->name);
}

START_TEST(rows_are_whole)
{
	unsigned targets = 0;
	for (const struct platform *p = platforms; p->name; p++) {
		ck_assert_ptr_eq(platform_find(p->name), p);
		ck_assert_ptr_nonnull(p->title);
		ck_assert_ptr_nonnull(p->boot_services);
		targets += p->is_target;
		for (const struct platform_device *d = p->devices; d && d->id; d++)
			ck_assert_msg(d->title && d->service, "%s", d->id);
		for (const struct strip_list *const *l = p->strips; l && *l; l++)
			ck_assert_msg(!(*l)->inf_names || (*l)->providers,
				"%s: INFs without a provider", p->name);
	}
	each_service(check_once, NULL);
	ck_assert_uint_eq(targets, 8);
	ck_assert_ptr_null(platform_find("nowhere"));
}
END_TEST

/* ---- lists of names ---- */

static const size_t fields[] = {offsetof(struct strip_list, inf_names),
	offsetof(struct strip_list, fixed_packages), offsetof(struct strip_list, network_providers),
	offsetof(struct strip_list, winsock_dlls), offsetof(struct strip_list, coinstallers),
	offsetof(struct strip_list, system_keys), offsetof(struct strip_list, event_sources),
	offsetof(struct strip_list, uninstall_names), offsetof(struct strip_list, upgrade_codes),
	offsetof(struct strip_list, run_values), offsetof(struct strip_list, registered_apps),
	offsetof(struct strip_list, software_keys), offsetof(struct strip_list, software_parents),
	offsetof(struct strip_list, tasks), offsetof(struct strip_list, files),
	offsetof(struct strip_list, hosts_lines), offsetof(struct strip_list, ntp_servers),
	offsetof(struct strip_list, kms_servers)};

/* The same thing, or one inside the other: a plan that deletes both would trip over itself. */
static bool overlap(const char *a, const char *b)
{
	size_t len = strlen(a);
	return strncasecmp(a, b, len) == 0 && (b[len] == '\0' || b[len] == '\\');
}

/* All names in one field of a platform's lists. */
static size_t names_of(const struct platform *p, size_t field, const char **ret, size_t max)
{
	size_t n = 0;
	for (const struct strip_list *const *l = p->strips; l && *l; l++) {
		const char *const *v = *(const char *const *const *)((const char *)*l + field);
		for (; v && *v; v++) {
			ck_assert_uint_lt(n, max);
			ret[n++] = *v;
		}
	}
	return n;
}

START_TEST(names_do_not_overlap)
{
	const char *names[500];
	size_t seen = 0;
	for (const struct platform *p = platforms; p->name; p++)
		for (size_t f = 0; f < ARRAY_SIZE(fields); f++) {
			size_t n = names_of(p, fields[f], names, ARRAY_SIZE(names));
			seen += n;
			for (size_t i = 0; i < n; i++)
				for (size_t k = 0; k < n; k++)
					ck_assert_msg(i == k || !overlap(names[i], names[k]),
						"%s: %s, %s", p->name, names[i], names[k]);
		}
	ck_assert_uint_ge(seen, 200);
}
END_TEST

/* A '*' says that versions follow; what stands before it must still name one product. */
START_TEST(names_are_exact)
{
	const char *names[500];
	for (const struct platform *p = platforms; p->name; p++)
		for (size_t f = 0; f < ARRAY_SIZE(fields); f++) {
			bool tail = fields[f] == offsetof(struct strip_list, hosts_lines);
			bool prefix = fields[f] == offsetof(struct strip_list, uninstall_names);
			size_t n = names_of(p, fields[f], names, ARRAY_SIZE(names));
			for (size_t i = 0; i < n; i++) {
				size_t len = strlen(names[i]);
				size_t star = strcspn(names[i], "*?%");
				ck_assert_uint_ge(len, 3);
				ck_assert_msg(star == len || (tail && star == 0) ||
						      (prefix && star == len - 1 && len > 11),
					"%s: %s", p->name, names[i]);
			}
		}
}
END_TEST

/* Files of the vendor's own name or folder; a folder of Windows is none. */
START_TEST(files_are_files_or_vendor_folders)
{
	static const char *const allowed[] = {"\\Windows\\System32\\drivers\\",
		"\\Windows\\System32\\", "\\Windows\\SysWOW64\\", "\\Program Files\\",
		"\\Program Files (x86)\\", "\\ProgramData\\", "\\Windows\\Drivers\\VirtIO",
		"\\WindowsAzure", "\\Packages\\Plugins"};
	const char *names[500];
	for (const struct platform *p = platforms; p->name; p++) {
		size_t n =
			names_of(p, offsetof(struct strip_list, files), names, ARRAY_SIZE(names));
		for (size_t i = 0; i < n; i++) {
			size_t a = 0;
			while (a < ARRAY_SIZE(allowed) &&
				strncmp(names[i], allowed[a], strlen(allowed[a])) != 0)
				a++;
			ck_assert_msg(a < ARRAY_SIZE(allowed), "%s: %s", p->name, names[i]);
			const char *rest = names[i] + strlen(allowed[a]);
			ck_assert_msg(a > 2 || (strchr(rest, '.') && !strchr(rest, '\\')), "%s",
				names[i]);
		}
	}
}
END_TEST

static void check_foreign(const char *platform, const struct strip_service *s, void *data)
{
	(void)data;
	for (size_t i = 0; i < ARRAY_SIZE(never); i++)
		ck_assert_msg(strcasecmp(s->name, never[i]) != 0, "%s: %s", platform, s->name);
}

START_TEST(nothing_of_windows_is_removed)
{
	each_service(check_foreign, NULL);
}
END_TEST

struct real_hive {
	struct hive *h;
	hive_node services;
	size_t seen;
};

static void check_owners(const char *platform, const struct strip_service *s, void *data)
{
	struct real_hive *r = data;
	CLEANUP_ERR struct error *failure = NULL;
	CLEANUP_REG_VALUE struct reg_value owners = {0};
	hive_node node = hive_find(r->h, r->services, s->name);
	r->seen += node != 0;
	if (hive_get(r->h, node, "Owners", &owners, &failure) != 1)
		return;
	char **texts = reg_texts(&owners);
	for (size_t i = 0; texts[i]; i++)
		ck_assert_msg(strncasecmp(texts[i], "oem", 3) == 0, "%s: %s is owned by %s",
			platform, s->name, texts[i]);
	reg_texts_free(texts);
}

/* Every service of a list that exists in a real hive belongs to no in-box INF. */
START_TEST(real_hive_owns_no_listed_service)
{
	if (!unit_data_dir())
		unit_skip("the test data folder (CE_TEST_DATA) is missing");
	CLEANUP_FREE char *plain = xasprintf("%s/SYSTEM", unit_tmp());
	ck_assert_int_eq(unit_run("xz -dc '%s/hives/win10-19041-vmware-efi.SYSTEM.xz' > '%s'",
				 unit_data_dir(), plain),
		0);
	char *data = NULL;
	size_t size;
	struct real_hive r = {0};
	ck_ok(file_read(plain, 64u << 20, &data, &size, &err));
	ck_ok(hive_open(&r.h, data, size, "SYSTEM", &err));
	free(data);
	r.services = hive_find(r.h, hive_root(r.h), "ControlSet001\\Services");
	each_service(check_owners, &r);
	ck_assert_uint_ge(r.seen, 8);
	hive_close(r.h);
}
END_TEST

UNIT_MAIN("platforms", rows_are_whole, names_do_not_overlap, names_are_exact,
	files_are_files_or_vendor_folders, nothing_of_windows_is_removed,
	real_hive_owns_no_listed_service)
