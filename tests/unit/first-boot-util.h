/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A made guest with one adapter, on a real NTFS volume, that the network step prepares again and again. */
#pragma once

#include "ntfs-write-util.h"
#include "hive-make.h"
#include "made-guest.h"
#include "net-adapters.h"
#include "net-first-boot.h"
#include "net-handover.h"
#include "plan-apply.h"
#include "prepare.h"

#define GUID	"{0f8b5c1e-0000-4000-8000-00000000000a}"
#define GUID_2	"{0f8b5c1e-0000-4000-8000-00000000000b}"
#define HERE	"{11111111-0000-4000-8000-000000000001}" /* the machine's SMBIOS UUID */
#define SERVICE "CCS\\Services\\CEFirstBoot"
#define SESSION "CCS\\Control\\Session Manager"
#define ADAPTER "SOFTWARE\\CE Agent\\Network\\Adapters\\" GUID
#define TCPIP	"CCS\\Services\\Tcpip\\Parameters\\Interfaces\\" GUID

/* An adapter; the rows of its settings come after it. */
#define ROWS_NIC(device, number, guid)                                                             \
	ROW_TEXT("CCS\\Enum\\" device, "ClassGUID", NET_CLASS),                                    \
		ROW_TEXT("CCS\\Enum\\" device, "Driver", NET_CLASS "\\" number),                   \
		ROW_TEXT("CCS\\Control\\Class\\" NET_CLASS "\\" number, "NetCfgInstanceId", guid), \
		ROW_NUMBER("CCS\\Control\\Class\\" NET_CLASS "\\" number, "*IfType", 6),           \
		ROW_TEXT("CCS\\Control\\Network\\" NET_CLASS "\\" guid "\\Connection", "Name",     \
			"Ethernet " number)

static const struct made_row dhcp_nic[] = {
	ROWS_NIC("PCI\\VEN_8086&DEV_10D3\\1", "0001", GUID),
	ROW_NUMBER(TCPIP, "EnableDHCP", 1),
	ROW_TEXT("SYSTEM\\HardwareConfig", "LastConfig", HERE),
	{0},
};
static const struct made_row by_hand[] = {
	ROW_NUMBER(TCPIP, "EnableDHCP", 0),
	ROW_LIST(TCPIP, "IPAddress", "192.0.2.10"),
	ROW_LIST(TCPIP, "SubnetMask", "255.255.255.0"),
	{0},
};
/* Facts windows-and-peers: its own process, by itself, as the system. */
static const struct made_row service[] = {
	ROW_NUMBER(SERVICE, "Type", 16),
	ROW_NUMBER(SERVICE, "Start", 2),
	ROW_NUMBER(SERVICE, "ErrorControl", 0),
	ROW_TEXT(SERVICE, "ObjectName", "LocalSystem"),
	ROW_EXPAND(SERVICE, "ImagePath", "%SystemRoot%\\CEAgent\\ce-firstboot.exe"),
	ROW_TEXT(SERVICE, "DisplayName", "CE Agent first start"),
	ROW_TEXT(SERVICE, "Description",
		"Gives this computer's network settings to its new network adapter, once, and removes itself."),
	{0},
};
static const struct made_row handed_over[] = {
	ROW_NUMBER("SOFTWARE\\CE Agent\\Network", "Version", 1),
	ROW_TEXT(ADAPTER, "Name", "Ethernet 0001"),
	ROW_TEXT(ADAPTER, "Device", "PCI\\VEN_8086&DEV_10D3\\1"),
	ROW_NUMBER(ADAPTER, "IfType", 6),
	{0},
};
static const struct made_row handed_static[] = {
	ROW_NUMBER(ADAPTER "\\Tcpip", "EnableDHCP", 0),
	ROW_LIST(ADAPTER "\\Tcpip", "IPAddress", "192.0.2.10"),
	ROW_LIST(ADAPTER "\\Tcpip", "SubnetMask", "255.255.255.0"),
	{0},
};
static const struct made_row handed_dhcp[] = {ROW_NUMBER(ADAPTER "\\Tcpip", "EnableDHCP", 1), {0}};
static const struct made_row of_vsphere[] = {
	ROW_TEXT("SOFTWARE\\CE Agent\\Network", "Source", "vsphere"),
	ROW_TEXT("SOFTWARE\\CE Agent\\Network", "Machine", HERE), {0}};

struct fixture {
	const char *image;
	struct changing c;
	struct guest g;
	struct plan plan;
	struct prepare_request request;
	struct prep p;
	struct op op;
	unsigned warnings;
	char *last_warning;
};

static inline void count_warnings(void *data, const struct op_event *e)
{
	struct fixture *f = data;
	if (e->kind != OP_EVENT_WARNING)
		return;
	f->warnings++;
	free(f->last_warning);
	f->last_warning = xstrdup(e->message);
}

static inline void begin(struct fixture *f, bool is_static)
{
	*f = (struct fixture){.image = tmp("volume")};
	ntfs_tool_make(f->image, 24 * MiB, 4096, 512);
	ntfs_tool_mkdir(f->image, "/Windows");
	made_guest_init(&f->g);
	made_guest_add(&f->g, dhcp_nic);
	if (is_static)
		made_guest_add(&f->g, by_hand);
	op_init(&f->op, count_warnings, f, NULL);
}

static inline void end(struct fixture *f)
{
	plan_done(&f->plan);
	free(f->last_warning);
	made_guest_done(&f->g);
}

static inline void apply(struct fixture *f)
{
	for (size_t i = 0; i < f->plan.n; i++) {
		const struct action *a = &f->plan.v[i];
		if (a->kind == ACT_FILE_DELETE)
			delete_path(&f->c, a->path);
		else if (a->kind == ACT_FILE_PUT)
			ck_ok(ntfs_file_put(f->c.v, a->path, a->data, a->size, &err));
		else
			ck_ok(action_apply_reg(a, f->g.hives[a->hive].h, &err));
	}
}

/* A preparation's network step: plan, apply, plan again. Returns the number of actions. */
static inline size_t run(
	struct fixture *f, const char *from, const char *to, enum network_choice network)
{
	f->request.network = network;
	f->p = (struct prep){.guest = &f->g,
		.from = from ? platform_find(from) : NULL,
		.to = platform_find(to),
		.request = &f->request,
		.plan = &f->plan,
		.op = &f->op};
	plan_done(&f->plan);
	f->plan.step = "network";
	f->c = change(f->image);
	f->g.volume = f->c.v;
	f->warnings = 0;
	ck_ok(step_network.plan(&f->p, &err));
	ck_ok(plan_check(&f->plan, &f->g, &err));
	apply(f);
	struct plan first = f->plan;
	struct op quiet = {0};
	f->plan = (struct plan){.step = "network"};
	f->p.op = &quiet;
	ck_ok(step_network.plan(&f->p, &err));
	CLEANUP_FREE char *text = plan_to_text(&f->plan);
	ck_assert_msg(f->plan.n == 0, "plans again:\n%s", text);
	plan_done(&f->plan);
	f->plan = first;
	f->g.volume = NULL;
	change_commit(&f->c);
	return f->plan.n;
}

/* 1: the file is the program that was built; 0: there is none; anything else: another one. */
static inline int program(const struct fixture *f, const char *path)
{
	if (unit_run("ntfscat '%s' '%s' >'%s.exe' 2>/dev/null", f->image, path, f->image) != 0)
		return 0;
	return unit_run("cmp '%s.exe' " FIRSTBOOT_EXE " >&2", f->image) == 0 ? 1 : -1;
}

static inline bool there(const struct fixture *f, const char *folder)
{
	return unit_run("ntfsls -p '%s' '%s' >/dev/null 2>&1", folder, f->image) == 0;
}

/* SYSTEM and SOFTWARE hold these rows, the adapter, and nothing else. */
static inline void check_hives(
	const struct fixture *f, bool is_static, const struct made_row *const *lists)
{
	struct guest expected;
	made_guest_init(&expected);
	made_guest_add(&expected, dhcp_nic);
	if (is_static)
		made_guest_add(&expected, by_hand);
	for (; *lists; lists++)
		made_guest_add(&expected, *lists);
	made_guest_compare(&f->g, &expected);
	made_guest_done(&expected);
}
#define CHECK_HIVES(f, is_static, ...) \
	check_hives(f, is_static, (const struct made_row *const[]){__VA_ARGS__ __VA_OPT__(, ) NULL})
#define PLANTED service, handed_over, of_vsphere
