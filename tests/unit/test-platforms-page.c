/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * docs/platforms.md is what the tables say. tests/dev/platforms-page.sh --write runs this with CE_WRITE_PAGE set,
 * and the page is written instead of compared.
 */
#include "unit.h"

#include <string.h>

#include "io.h"
#include "mem.h"
#include "platform.h"
#include "step.h"
#include "strbuf.h"

static const char intro[] =
	"# Platforms: what a preparation takes out\n\n"
	"<!-- made by tests/dev/platforms-page.sh from winprep/platforms -->\n\n"
	"When a disk leaves a platform, the steps `filters`, `services`, `packages` and `software` take out "
	"what that platform's tools left in Windows. The names are exact: `name*` stands for a product "
	"whose version follows, nothing else is a pattern. Components of Windows itself, Citrix' Virtual "
	"Delivery Agent, and every product that is not named here stay. A driver package counts only where "
	"its INF's original name *and* its provider are listed; a setting only where it is exactly what "
	"that platform's agent writes.\n\n"
	"Services are disabled (`Start` 4) in every control set, and removed where the name is proven and no "
	"device, service or other driver package refers to it any more. Filters are taken out of classes and "
	"devices before that. Files go where they exist; a DLL that the Winsock catalog loads stays.\n";

/* The lists of names, as they are described. */
static const struct {
	size_t field;
	const char *title;
} lists[] = {
	{offsetof(struct strip_list, inf_names), "Driver packages, by INF"},
	{offsetof(struct strip_list, providers), "of these providers"},
	{offsetof(struct strip_list, fixed_packages), "Stub packages that no installer made"},
	{offsetof(struct strip_list, network_providers),
		"Network providers (a missing DLL delays every logon)"},
	{offsetof(struct strip_list, coinstallers), "Co-installers"},
	{offsetof(struct strip_list, system_keys), "Keys below each control set"},
	{offsetof(struct strip_list, event_sources), "Event sources"},
	{offsetof(struct strip_list, uninstall_names),
		"Installed programs, with all that Windows Installer registered for them"},
	{offsetof(struct strip_list, upgrade_codes), "The same, by MSI upgrade code"},
	{offsetof(struct strip_list, run_values), "Programs run at logon"},
	{offsetof(struct strip_list, registered_apps), "Registered applications"},
	{offsetof(struct strip_list, software_keys), "Keys of SOFTWARE, native and Wow6432Node"},
	{offsetof(struct strip_list, software_parents), "and, where nothing else is in it"},
	{offsetof(struct strip_list, tasks), "Scheduled tasks"},
	{offsetof(struct strip_list, files), "Files and folders"},
	{offsetof(struct strip_list, hosts_lines), "Lines of `drivers\\etc\\hosts`"},
	{offsetof(struct strip_list, ntp_servers),
		"Time source, back to time.windows.com or the domain"},
	{offsetof(struct strip_list, kms_servers), "Licence server (KMS)"},
	{offsetof(struct strip_list, winsock_dlls), "Reported and left: Winsock providers"},
};

/* What is looked at and stays, or is not looked at. */
static const struct {
	const char *platform, *what, *why;
} left[] = {
	{"vsphere", "Winsock providers of vSockets, `vsocklib.dll`",
		"the catalog's entries are numbered and chained; only a running Windows renumbers them safely"},
	{"vsphere", "`VMware, Inc.` and `Common Files\\VMware` as a whole",
		"Horizon's agent keeps its settings and programs there"},
	{"vsphere", "`TimeOutValue` of disks",
		"a real VMware guest holds Windows' own 65 s: nothing tells whose another value is"},
	{"vsphere",
		"performance counters of vmStatsProvider, COM+ registration of the snapshot provider",
		"numbered or in a database of its own; without their DLLs they do nothing"},
	{"vsphere", "services `vmware`, `vmx86` and `vgauth`",
		"VMware Workstation has some of these names, too"},
	{"hyperv", "everything",
		"the integration components are part of Windows and idle elsewhere"},
	{"azure", "Mellanox and MANA drivers", "part of Windows, idle elsewhere"},
	{"azure", "firewall rules that name 168.63.129.16",
		"not told from an administrator's own; nothing answers there elsewhere"},
	{"aws", "`ena.sys`, `awsnvme.sys`",
		"their services are disabled, and the names not proven enough to delete more"},
	{"aws", "AWS Tools for Windows, AWS CLI", "tools for administrators, of use anywhere"},
	{"aws", "routes that NetTCPIP stores (Control\\Nsi), wallpaper, DNS suffixes",
		"binary or not told from an administrator's own"},
	{"gcp", "the program of google_osconfig_agent, `gvnic.sys`",
		"its service is disabled, and the name not proven enough to delete more"},
	{"gcp", "RDP, time zone, power plan, WPAD and boot settings of the import",
		"an administrator may want them; those the target needs are another step's"},
	{"xen", "the service key `XEN`",
		"its unplug settings are cleared; what is left does nothing without the drivers"},
	{"ahv", "registration of services by other names",
		"not proven: reported by inspection, no more"},
	{"kvm", "on the way to another virtio platform: the drivers, and virt-v2v's stub `guestor.inf` with its folder",
		"they serve there, too; the stub may be all that binds the disk's driver"},
	{"kvm", "WinFsp", "a product of its own that others use"},
	{"virtualbox", "credential provider",
		"its registration is not proven; without automatic logon it is idle"},
};

static void add_names(struct strbuf *b, const char *title, const char *const *names)
{
	if (!names)
		return;
	strbuf_addf(b, "- %s: ", title);
	for (; *names; names++)
		strbuf_addf(b, "`%s`%s", *names, names[1] ? ", " : "\n");
}

static void add_services(struct strbuf *b, const struct strip_list *l, bool disable_only)
{
	bool first = true;
	for (const struct strip_service *s = l->services; s && s->name; s++) {
		if (s->disable_only != disable_only)
			continue;
		strbuf_addf(b, "%s`%s`",
			!first ? ", "
			: disable_only
				? "- Services disabled, never removed: the name is not proven enough: "
				: "- Services removed, or disabled while something refers to them: ",
			s->name);
		if (s->image)
			strbuf_addf(b, " (with `%s` in its path)", s->image);
		first = false;
	}
	if (!first)
		strbuf_add_char(b, '\n');
}

static void add_settings(struct strbuf *b, const struct strip_setting *s)
{
	static const char *const rules[] = {[SETTING_ANY] = "whatever it is",
		[SETTING_NUMBER] = "where it is",
		[SETTING_TEXT] = "where it is",
		[SETTING_TAIL] = "loses its tail",
		[SETTING_ENSURE] = "set to"};
	for (; s && s->key; s++) {
		strbuf_addf(b, "- Setting `%s` [`%s`] %s", s->key, s->name, rules[s->rule]);
		if (s->text)
			strbuf_addf(b, " `%s`", s->text);
		else if (s->rule != SETTING_ANY)
			strbuf_addf(b, " %u", s->number);
		strbuf_addf(b, ": %s\n", s->why);
	}
}

static void add_list(struct strbuf *b, const struct strip_list *l)
{
	if (l->family)
		strbuf_addf(b, "\nOnly where the target is no %s platform:\n\n", l->family);
	else
		strbuf_add_char(b, '\n');
	add_services(b, l, false);
	add_services(b, l, true);
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		add_names(b, lists[i].title,
			*(const char *const *const *)((const char *)l + lists[i].field));
	add_settings(b, l->settings);
}

static char *make_page(void)
{
	struct strbuf b = {0};
	strbuf_add(&b, intro);
	for (const struct platform *p = platforms; p->name; p++) {
		strbuf_addf(&b, "\n## %s (`%s`)\n", p->title, p->name);
		if (!p->strips)
			strbuf_add(&b, "\nNothing is taken out.\n");
		for (const struct strip_list *const *l = p->strips; l && *l; l++)
			add_list(&b, *l);
		strbuf_add(&b, "\nLeft:\n\n");
		for (size_t i = 0; i < ARRAY_SIZE(left); i++)
			if (strcmp(left[i].platform, p->name) == 0)
				strbuf_addf(&b, "- %s: %s\n", left[i].what, left[i].why);
	}
	return strbuf_take(&b);
}

START_TEST(platforms_page_is_the_tables)
{
	CLEANUP_FREE char *path = xasprintf("%s/docs/platforms.md", unit_source_root());
	CLEANUP_FREE char *page = make_page();
	CLEANUP_FREE char *is = NULL;
	if (getenv("CE_WRITE_PAGE")) {
		ck_ok(file_write_atomic(path, page, strlen(page), 0644, &err));
		return;
	}
	ck_ok(file_read(path, 1 << 20, &is, NULL, &err));
	ck_assert_msg(strcmp(is, page) == 0,
		"docs/platforms.md is not what the tables say: tests/dev/platforms-page.sh --write");
}
END_TEST

/* docs/steps.md is written by hand; each step has its row, in the order they run. */
START_TEST(steps_page_has_every_step)
{
	CLEANUP_FREE char *path = xasprintf("%s/docs/steps.md", unit_source_root());
	CLEANUP_FREE char *page = NULL;
	ck_ok(file_read(path, 1 << 20, &page, NULL, &err));
	const char *at = page;
	for (size_t i = 0; steps[i]; i++) {
		CLEANUP_FREE char *row = xasprintf("| `%s` |", steps[i]->name);
		const char *found = strstr(at, row);
		ck_assert_msg(
			found, "docs/steps.md: no row %s behind those of the steps before it", row);
		at = found;
	}
}
END_TEST

UNIT_MAIN("platforms-page", platforms_page_is_the_tables, steps_page_has_every_step)
