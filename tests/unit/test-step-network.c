/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Network identity on real SYSTEM hives: an e1000e of a Windows 10 on VMware, and two adapters with static
 * addresses in two control sets. What is left is told by hivexregedit.
 */
#include "plan-notes.h"
#include "unit.h"

#include <string.h>

#include "hive-guest.h"
#include "hive-make.h"
#include "io.h"
#include "mem.h"
#include "net-handover.h"
#include "net-settings.h"
#include "prepare.h"

#define ONE_NIC	   "win10-19041-vmware-efi.SYSTEM"
#define TWO_NICS   "win7-x86-vmware.SYSTEM"
#define GUID	   "{c43669b3-ab3e-4d0e-8fde-69579925a20f}"
#define TCPIP	   "ControlSet001\\Services\\Tcpip\\Parameters\\"
#define INTERFACE  TCPIP "Interfaces\\" GUID
#define INTERFACE6 "ControlSet001\\Services\\Tcpip6\\Parameters\\Interfaces\\" GUID
#define NSI6	   "ControlSet001\\Control\\Nsi\\{eb004a01-9b1a-11d4-9123-0050047759bc}"
#define LUID	   "0000000180000600"
#define ADDRESS6   LUID "20010db8000000000000000000000010"
#define HANDOVER   NET_HANDOVER_KEY "\\Adapters\\" GUID
#define TITLE	   "Сеть 3 – «ядро»"

struct fixture {
	struct guest g;
	struct plan plan;
	struct prepare_request request;
	struct prep p;
	struct op op;
	unsigned warnings;
	char *last_warning;
};

static void count_warnings(void *data, const struct op_event *e)
{
	struct fixture *f = data;
	if (e->kind != OP_EVENT_WARNING)
		return;
	f->warnings++;
	free(f->last_warning);
	f->last_warning = xstrdup(e->message);
}

static void fixture_init(
	struct fixture *f, const char *hive, enum network_choice network, const char *to)
{
	*f = (struct fixture){.request = {.network = network}};
	hive_guest_init(&f->g, hive);
	f->g.hives[HIVE_SOFTWARE].h = hive_make_open("SOFTWARE");
	op_init(&f->op, count_warnings, f, NULL);
	f->p = (struct prep){.guest = &f->g,
		.from = platform_find("vsphere"),
		.to = platform_find(to),
		.request = &f->request,
		.plan = &f->plan,
		.op = &f->op};
}

static void fixture_done(struct fixture *f)
{
	plan_done(&f->plan);
	free(f->last_warning);
	hive_guest_done(&f->g);
}

static void put(struct hive *h, const char *key, const char *name, struct reg_value value)
{
	hive_node node;
	CLEANUP_REG_VALUE struct reg_value v = value;
	ck_ok(hive_make(h, hive_root(h), key, &node, &err));
	ck_ok(hive_set(h, node, name, &v, &err));
}

/* Somebody gave the adapter a name and addresses. */
static void set_by_hand(struct guest *g)
{
	static const char *const addresses[] = {"192.0.2.10", "192.0.2.11", NULL},
				 *masks[] = {"255.255.255.0", "255.255.255.0", NULL},
				 *gateways[] = {"192.0.2.1", NULL};
	static const uint8_t lifetime[48] = {0xff, 0xff, 0xff, 0xff};
	struct hive *h = g->hives[HIVE_SYSTEM].h;
	put(h, INTERFACE, "EnableDHCP", reg_dword(0));
	put(h, INTERFACE, "IPAddress", reg_multi_sz(addresses));
	put(h, INTERFACE, "SubnetMask", reg_multi_sz(masks));
	put(h, INTERFACE, "DefaultGateway", reg_multi_sz(gateways));
	put(h, INTERFACE, "NameServer", reg_sz("192.0.2.53,192.0.2.54"));
	put(h, INTERFACE, "DhcpIPAddress", reg_sz("198.51.100.7"));
	put(h, INTERFACE6, "NameServer", reg_sz("2001:db8::53"));
	put(h, NSI6 "\\10", ADDRESS6, reg_binary(lifetime, sizeof(lifetime)));
	put(h, "ControlSet001\\Control\\Network\\" NET_CLASS "\\" GUID "\\Connection", "Name",
		reg_sz(TITLE));
	put(h, TCPIP "PersistentRoutes", "10.9.0.0,255.255.0.0,192.0.2.254,1", reg_sz(""));
	put(h, TCPIP "PersistentRoutes", "10.8.0.0,255.255.0.0,203.0.113.1,1", reg_sz(""));
	put(g->hives[HIVE_SOFTWARE].h, "Microsoft\\Windows NT\\CurrentVersion\\NetworkCards\\2",
		"ServiceName", reg_sz(GUID));
	put(g->hives[HIVE_SOFTWARE].h, "Microsoft\\Windows NT\\CurrentVersion\\NetworkCards\\3",
		"ServiceName", reg_sz("{0f8b5c1e-0000-4000-8000-000000000001}"));
}

/*
 * The hive as text of another program's. What Windows 7 kept in the Winsock catalog is left out: it makes
 * that anew whenever adapters come and go.
 */
static void dump(struct fixture *f, enum hive_id id)
{
	uint8_t *data = NULL;
	size_t size;
	CLEANUP_FREE char *path = xasprintf("%s/hive", unit_tmp());
	ck_ok(hive_save(f->g.hives[id].h, &data, &size, &err));
	ck_ok(file_write_atomic(path, data, size, 0600, &err));
	free(data);
	ck_assert_int_eq(
		unit_run(
			"hivexregedit --export --unsafe-printable-strings '%s' '\\' 2>/dev/null | "
			"grep -a -v -E '^.(PackedCatalogItem|ProtocolName|InterfaceName|WinSock 1.1)' > '%s.reg'",
			path, path),
		0);
}

/* Lines of the last dump with that in them; case does not count. */
static int lines_with(const char *pattern)
{
	CLEANUP_FREE char *out = xasprintf("%s/count", unit_tmp());
	char *text = NULL;
	unit_run("grep -a -i -c -E '%s' '%s/hive.reg' > '%s'", pattern, unit_tmp(), out);
	ck_ok(file_read(out, 100, &text, NULL, &err));
	int n = atoi(text);
	free(text);
	return n;
}

/* As lists have it: UTF-16 in hexadecimal digits. */
static char *as_utf16(const char *ascii)
{
	char *hex = xcalloc(1, 6 * strlen(ascii) + 1);
	for (size_t i = 0; ascii[i]; i++)
		sprintf(hex + 6 * i, "%02x,00%s", (unsigned)ascii[i], ascii[i + 1] ? "," : "");
	return hex;
}

static int mentions(const char *guid_start)
{
	CLEANUP_FREE char *hex = as_utf16(guid_start);
	CLEANUP_FREE char *pattern = xasprintf("%s|%s", guid_start, hex);
	return lines_with(pattern);
}

START_TEST(dhcp_takes_the_old_adapter_out)
{
	struct fixture f;
	fixture_init(&f, ONE_NIC, NETWORK_DHCP, "kvm");
	set_by_hand(&f.g);
	dump(&f, HIVE_SYSTEM);
	int debugger = mentions("F04D94D7"), bluetooth = mentions("4A25B723");
	ck_assert_int_ge(mentions("C43669B3"), 60);
	ck_assert_int_ge(lines_with("000C29FFFF661AA200"), 10);
	ck_assert_int_ge(lines_with(LUID), 3);
	hive_guest_run(&f.p, &step_network);
	dump(&f, HIVE_SYSTEM);
	ck_assert_int_eq(mentions("C43669B3"), 0);
	ck_assert_int_eq(lines_with("000C29FFFF661AA200"), 0);
	ck_assert_int_eq(lines_with(LUID), 0);
	ck_assert_int_eq(lines_with("82574L.*=hex\\(7\\)"), 0);
	/* The other adapters stand as they stood. */
	ck_assert_int_eq(mentions("F04D94D7"), debugger);
	ck_assert_int_eq(mentions("4A25B723"), bluetooth);
	/* Two of nine entries of NetBIOS are gone, with their numbers. */
	ck_assert_int_eq(
		lines_with("LanaMap.=hex\\(3\\):01,00,01,01,01,02,01,03,01,04,01,07,01,08"), 1);
	ck_assert_int_eq(lines_with("10.9.0.0,255"), 0);
	ck_assert_int_eq(lines_with("10.8.0.0,255"), 1);
	dump(&f, HIVE_SOFTWARE);
	ck_assert_int_eq(lines_with("NetworkCards.2"), 0);
	ck_assert_int_eq(lines_with("NetworkCards.3"), 1);
	ck_assert(plan_notes_have(&f.plan, "\"" TITLE "\" loses 192.0.2.10/255.255.255.0, "
					   "192.0.2.11/255.255.255.0, gateway 192.0.2.1"));
	ck_assert(plan_notes_have(&f.plan, "2001:db8::10"));
	fixture_done(&f);
}
END_TEST

START_TEST(dhcp_where_it_stays_resets_the_adapter)
{
	struct fixture f;
	fixture_init(&f, ONE_NIC, NETWORK_DHCP, "vsphere");
	set_by_hand(&f.g);
	dump(&f, HIVE_SYSTEM);
	int before = mentions("C43669B3");
	hive_guest_run(&f.p, &step_network);
	dump(&f, HIVE_SYSTEM);
	ck_assert_int_eq(mentions("C43669B3"), before);
	ck_assert_int_eq(lines_with(ADDRESS6), 0);
	ck_assert_int_ge(lines_with(LUID), 2); /* its metrics stay */
	struct hive *h = f.g.hives[HIVE_SYSTEM].h;
	hive_node node = hive_find(h, hive_root(h), INTERFACE);
	static const char *const gone[] = {
		"IPAddress", "SubnetMask", "DefaultGateway", "NameServer"};
	uint32_t dhcp = 0;
	ck_assert(hive_get_number(h, node, "EnableDHCP", &dhcp) && dhcp == 1);
	for (size_t i = 0; i < ARRAY_SIZE(gone); i++) {
		CLEANUP_REG_VALUE struct reg_value v = {0};
		int rc = 1;
		ck_ok(rc = hive_get(h, node, gone[i], &v, &err));
		ck_assert_int_eq(rc, 0);
	}
	for (size_t i = 0; i < f.plan.n; i++)
		ck_assert_int_ne(f.plan.v[i].kind, ACT_REG_DELETE_KEY);
	fixture_done(&f);
}
END_TEST

/* One without an adapter is reset; the Bluetooth adapter's is somebody's own business. */
START_TEST(dhcp_reaches_interfaces_without_an_adapter)
{
	static const char orphan[] = "{0f8b5c1e-0000-4000-8000-000000000009}";
	static const char bluetooth[] = "{4a25b723-024d-4349-a7ea-bdd92c863566}";
	static const char *const guids[] = {orphan, bluetooth};
	static const char *const address[] = {"203.0.113.9", NULL};
	struct fixture f;
	fixture_init(&f, ONE_NIC, NETWORK_DHCP, "kvm");
	struct hive *h = f.g.hives[HIVE_SYSTEM].h;
	for (size_t i = 0; i < ARRAY_SIZE(guids); i++) {
		CLEANUP_FREE char *key = xasprintf(TCPIP "Interfaces\\%s", guids[i]);
		put(h, key, "EnableDHCP", reg_dword(0));
		put(h, key, "IPAddress", reg_multi_sz(address));
	}
	hive_guest_run(&f.p, &step_network);
	for (size_t i = 0; i < ARRAY_SIZE(guids); i++) {
		hive_node node = hive_findf(h, hive_root(h), TCPIP "Interfaces\\%s", guids[i]);
		uint32_t dhcp = 9;
		ck_assert(hive_get_number(h, node, "EnableDHCP", &dhcp));
		ck_assert_uint_eq(dhcp, i == 0);
		char **left = net_get_texts(h, node, "IPAddress");
		ck_assert_int_eq(left[0] != NULL, i == 1);
		reg_texts_free(left);
	}
	ck_assert(plan_notes_have(&f.plan, "no adapter any more, loses 203.0.113.9"));
	fixture_done(&f);
}
END_TEST

START_TEST(keep_says_whose_settings_nobody_inherits)
{
	static const char orphan[] = "{0f8b5c1e-0000-4000-8000-000000000009}";
	static const char *const address[] = {"203.0.113.9", NULL};
	struct fixture f;
	fixture_init(&f, ONE_NIC, NETWORK_KEEP, "kvm");
	struct hive *h = f.g.hives[HIVE_SYSTEM].h;
	CLEANUP_FREE char *key = xasprintf(TCPIP "Interfaces\\%s", orphan);
	put(h, key, "EnableDHCP", reg_dword(0));
	put(h, key, "IPAddress", reg_multi_sz(address));
	hive_guest_run(&f.p, &step_network);
	char **left = net_get_texts(h, hive_find(h, hive_root(h), key), "IPAddress");
	ck_assert_ptr_nonnull(left[0]);
	reg_texts_free(left);
	ck_assert(plan_notes_have(&f.plan, "has 203.0.113.9"));
	ck_assert(plan_notes_have(&f.plan, "no new adapter can inherit it"));
	fixture_done(&f);
}
END_TEST

START_TEST(every_control_set_is_cleaned)
{
	struct fixture f;
	fixture_init(&f, TWO_NICS, NETWORK_DHCP, "hyperv");
	ck_assert_uint_eq(f.g.n_control_sets, 2);
	dump(&f, HIVE_SYSTEM);
	int miniport = mentions("6B403831");
	ck_assert_int_ge(mentions("6AAFC9A9"), 60);
	ck_assert_int_ge(mentions("698E50A9"), 60);
	hive_guest_run(&f.p, &step_network);
	dump(&f, HIVE_SYSTEM);
	ck_assert_int_eq(mentions("6AAFC9A9"), 0);
	/* An ISATAP adapter is called after it: its name, twice in each control set. */
	ck_assert_int_eq(mentions("698E50A9"), 4);
	ck_assert_int_eq(mentions("isatap.{698E50A9"), 4);
	ck_assert_int_eq(lines_with("000000060000060|000000070000060"), 0);
	ck_assert_int_eq(mentions("6B403831"), miniport);
	ck_assert(
		plan_notes_have(&f.plan, "loses 192.168.1.123/255.255.255.0, gateway 192.168.1.1"));
	ck_assert(plan_notes_have(&f.plan, "10.3.58.5"));
	fixture_done(&f);
}
END_TEST

/* Each value below the interface is below the hand-over, with the same type and bytes. */
static void check_handed_over(struct fixture *f, const char *from, const char *to, size_t least)
{
	struct hive *system = f->g.hives[HIVE_SYSTEM].h, *software = f->g.hives[HIVE_SOFTWARE].h;
	hive_node a = hive_find(system, hive_root(system), from);
	hive_node b = hive_find(software, hive_root(software), to);
	char **names = NULL;
	size_t n = 0;
	ck_ok(hive_value_names(software, b, &names, &err));
	for (; names[n]; n++) {
		CLEANUP_REG_VALUE struct reg_value x = {0}, y = {0};
		ck_ok(hive_get(system, a, names[n], &x, &err));
		ck_ok(hive_get(software, b, names[n], &y, &err));
		ck_assert_msg(reg_value_equal(&x, &y), "%s", names[n]);
		ck_assert_ptr_null(strstr(names[n], "Dhcp1"));
	}
	ck_assert_uint_ge(n, least);
	reg_texts_free(names);
}

START_TEST(keep_changes_nothing_and_hands_everything_over)
{
	struct fixture f;
	fixture_init(&f, ONE_NIC, NETWORK_KEEP, "gcp");
	set_by_hand(&f.g);
	hive_guest_run(&f.p, &step_network);
	ck_assert_uint_gt(f.plan.n, 10);
	for (size_t i = 0; i < f.plan.n; i++)
		ck_assert_int_eq(f.plan.v[i].hive, HIVE_SOFTWARE);
	check_handed_over(&f, INTERFACE, HANDOVER "\\Tcpip", 5);
	check_handed_over(&f, INTERFACE6, HANDOVER "\\Tcpip6", 2);
	check_handed_over(&f, NSI6 "\\10", HANDOVER "\\Nsi6\\10", 1);
	struct hive *h = f.g.hives[HIVE_SOFTWARE].h;
	hive_node node = hive_find(h, hive_root(h), HANDOVER);
	CLEANUP_FREE char *name = hive_get_text(h, node, "Name");
	CLEANUP_FREE char *device = hive_get_text(h, node, "Device");
	CLEANUP_REG_VALUE struct reg_value mac = {0};
	ck_ok(hive_get(h, node, "Address", &mac, &err));
	ck_assert_str_eq(name, TITLE);
	ck_assert_str_eq(
		device, "PCI\\VEN_8086&DEV_10D3&SUBSYS_07D015AD&REV_00\\000C29FFFF661AA200");
	ck_assert_mem_eq(mac.data, "\x00\x0c\x29\x66\x1a\xa2", 6);
	dump(&f, HIVE_SOFTWARE);
	/* Leases are of the old network; debugger and Bluetooth are no adapters of the machine. */
	ck_assert_int_eq(lines_with("DhcpIPAddress"), 0);
	ck_assert_int_eq(lines_with("F04D94D7|4A25B723"), 0);
	/* Once for each plan: it was planned twice. */
	ck_assert_uint_eq(f.warnings, 2);
	ck_assert_ptr_nonnull(strstr(f.last_warning, "192.0.2.53,192.0.2.54"));
	fixture_done(&f);
}
END_TEST

/* What the source's agent set and the strip steps undo is nothing to inherit. */
START_TEST(settings_of_the_platform_are_not_handed_over)
{
	struct fixture f;
	uint32_t mtu;
	fixture_init(&f, ONE_NIC, NETWORK_KEEP, "vsphere");
	f.p.from = platform_find("gcp");
	put(f.g.hives[HIVE_SYSTEM].h, INTERFACE, "MTU", reg_dword(1460));
	hive_guest_run(&f.p, &step_network);
	struct hive *h = f.g.hives[HIVE_SOFTWARE].h;
	hive_node node = hive_find(h, hive_root(h), HANDOVER "\\Tcpip");
	ck_assert(!hive_get_number(h, node, "MTU", &mtu));
	put(f.g.hives[HIVE_SYSTEM].h, INTERFACE, "MTU", reg_dword(1400));
	plan_done(&f.plan);
	hive_guest_run(&f.p, &step_network);
	ck_assert(hive_get_number(h, hive_find(h, hive_root(h), HANDOVER "\\Tcpip"), "MTU", &mtu));
	ck_assert_uint_eq(mtu, 1400);
	fixture_done(&f);
}
END_TEST

START_TEST(hand_over_follows_the_settings)
{
	struct fixture f;
	fixture_init(&f, ONE_NIC, NETWORK_KEEP, "gcp");
	set_by_hand(&f.g);
	hive_guest_run(&f.p, &step_network);
	plan_done(&f.plan);
	struct hive *h = f.g.hives[HIVE_SYSTEM].h, *s = f.g.hives[HIVE_SOFTWARE].h;
	ck_ok(hive_unset(h, hive_find(h, hive_root(h), INTERFACE), "DefaultGateway", &err));
	ck_ok(hive_unset(h, hive_find(h, hive_root(h), NSI6 "\\10"), ADDRESS6, &err));
	hive_put_text(s, NET_HANDOVER_KEY "\\Adapters\\{0f8b5c1e-0000-4000-8000-000000000002}",
		"Name", "sold");
	hive_guest_run(&f.p, &step_network);
	ck_assert_uint_eq(f.plan.n, 3);
	check_handed_over(&f, INTERFACE, HANDOVER "\\Tcpip", 4);
	check_handed_over(&f, NSI6 "\\10", HANDOVER "\\Nsi6\\10", 0);
	dump(&f, HIVE_SOFTWARE);
	ck_assert_int_eq(lines_with("sold"), 0);
	fixture_done(&f);
}
END_TEST

/* A device of class Net as an attacker, or a team, has it. */
static void add_adapter(struct guest *g, const char *device, const char *driver, const char *number,
	const char *guid)
{
	struct hive *h = g->hives[HIVE_SYSTEM].h;
	CLEANUP_FREE char *enum_key = xasprintf("ControlSet001\\Enum\\%s", device);
	CLEANUP_FREE char *class_key =
		xasprintf("ControlSet001\\Control\\Class\\" NET_CLASS "\\%s", number);
	hive_put_text(h, enum_key, "ClassGUID", NET_CLASS);
	hive_put_text(h, enum_key, "Driver", driver);
	hive_put_text(h, class_key, "NetCfgInstanceId", guid);
	hive_put_number(h, class_key, "*IfType", 6);
}

START_TEST(teams_are_reported_and_left_alone)
{
	struct fixture f;
	fixture_init(&f, ONE_NIC, NETWORK_DHCP, "kvm");
	set_by_hand(&f.g);
	add_adapter(&f.g, "COMPOSITEBUS\\MS_IMPLAT_MP\\{1}", NET_CLASS "\\0009", "0009",
		"{0f8b5c1e-0000-4000-8000-000000000003}");
	hive_guest_run(&f.p, &step_network);
	ck_assert_uint_eq(f.plan.n, 0);
	ck_assert_uint_ge(f.warnings, 1);
	ck_assert(plan_notes_have(&f.plan, "a team or a virtual switch"));
	fixture_done(&f);
}
END_TEST

START_TEST(adapters_that_make_no_sense_are_left_out)
{
	struct guest g = {.control_sets = {1}, .n_control_sets = 1, .current_control_set = 1};
	struct net_adapters all = {0};
	g.hives[HIVE_SYSTEM].h = hive_make_open("SYSTEM");
	add_adapter(&g, "PCI\\A\\1", NET_CLASS "\\0001", "0001", "..\\..\\Services\\Tcpip");
	add_adapter(&g, "PCI\\A\\2", NET_CLASS "\\0002\\..", "0002", GUID);
	add_adapter(&g, "PCI\\A\\3", NET_CLASS, "0003", GUID);
	add_adapter(&g, "PCI\\A\\4", NET_CLASS "\\0004", "0005", GUID);
	add_adapter(&g, "PCI\\A\\5", NET_CLASS "\\0006", "0006",
		"c43669b3-ab3e-4d0e-8fde-69579925a20f");
	ck_ok(net_adapters_read(&g, 0, &all, &err));
	ck_assert_uint_eq(all.n, 0);
	add_adapter(&g, "PCI\\A\\6", NET_CLASS "\\0007", "0007", GUID);
	add_adapter(&g, "PCIX\\A\\6", NET_CLASS "\\0008", "0008", GUID);
	ck_ok(net_adapters_read(&g, 0, &all, &err));
	ck_assert_uint_eq(all.n, 2);
	ck_assert_int_eq(all.v[0].kind, NET_NIC);
	ck_assert_int_eq(all.v[1].kind, NET_OTHER);
	ck_assert_str_eq(all.v[0].luid, "");
	net_adapters_done(&all);
	hive_guest_done(&g);
}
END_TEST

UNIT_MAIN("step-network", dhcp_takes_the_old_adapter_out, dhcp_where_it_stays_resets_the_adapter,
	dhcp_reaches_interfaces_without_an_adapter, keep_says_whose_settings_nobody_inherits,
	every_control_set_is_cleaned, keep_changes_nothing_and_hands_everything_over,
	settings_of_the_platform_are_not_handed_over, hand_over_follows_the_settings,
	teams_are_reported_and_left_alone, adapters_that_make_no_sense_are_left_out)
