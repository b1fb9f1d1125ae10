/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Settings as rows. Facts windows-and-peers 1.8. */
#include <string.h>

#include "mem.h"
#include "settings.h"

/* ---- when a row holds ---- */

static bool is_target(const struct prep *p, const char *const *names)
{
	for (; *names; names++)
		if (strcmp(p->to->name, *names) == 0)
			return true;
	return false;
}

static bool target_azure(const struct prep *p)
{
	return is_target(p, (const char *const[]){"azure", NULL});
}

static bool target_cloud(const struct prep *p)
{
	return is_target(p, (const char *const[]){"azure", "aws", "gcp", NULL});
}

static bool target_hyperv(const struct prep *p)
{
	return is_target(p, (const char *const[]){"azure", "hyperv", NULL});
}

static bool target_utc(const struct prep *p)
{
	return p->to->rtc_utc;
}

/* The platform that is left is one where the value has to be set: so that is why it is there. */
static bool leaving_utc(const struct prep *p)
{
	return p->from && p->from->rtc_utc && !p->to->rtc_utc;
}

static bool rdp(const struct prep *p)
{
	return p->request->enable_rdp;
}

static bool rdp_or_azure(const struct prep *p)
{
	return rdp(p) || target_azure(p);
}

/* ---- values ---- */

enum how {
	SET,
	DEFAULT, /* only where there is none: what somebody set stays */
	UNSET,
	UNSET_IF_EQUAL, /* only where it has this number */
};

struct setting {
	const char *key, *name; /* below a control set */
	const char *needs;	/* a key that has to be there; NULL: it is made */
	enum how how;
	bool (*when)(const struct prep *p); /* NULL: always */
	const char *text;		    /* NULL: number */
	uint32_t type;			    /* of text */
	uint32_t number;
	const char *why;
};

#define PARTMGR	   "Services\\partmgr\\Parameters"
#define TIME_ZONE  "Control\\TimeZoneInformation"
#define CRASH	   "Control\\CrashControl"
#define POWER	   "Control\\Power"
#define SM_POWER   "Control\\Session Manager\\Power"
#define SCHEMES	   "Control\\Power\\User\\PowerSchemes"
#define FAST	   "8c5e7fda-e8bf-4a96-9a85-a6e23a8c635c" /* High performance */
#define SCREEN_OFF "7516b95f-f776-4464-8c53-06167f40cc99\\3c0bc021-c8a8-4e07-a973-6b14cbcb2b7e"
#define ENV	   "Control\\Session Manager\\Environment"
#define VMIC_TIME  "Services\\W32Time\\TimeProviders\\VMICTimeProvider"
#define TS	   "Control\\Terminal Server"
#define RDP_TCP	   TS "\\WinStations\\RDP-Tcp"

#define ENABLE_RDP "enableRdp"
#define RDP_NUMBER(name_, n)                                                               \
	{                                                                                  \
		.key = RDP_TCP, .name = name_, .needs = RDP_TCP, .number = n, .when = rdp, \
		.why = ENABLE_RDP                                                          \
	}

static const struct setting settings[] = {
	{.key = PARTMGR,
		.name = "SanPolicy",
		.number = 1,
		.why = "disks of a new controller go online"},

	{.key = TIME_ZONE,
		.name = "RealTimeIsUniversal",
		.needs = TIME_ZONE,
		.number = 1,
		.when = target_utc,
		.why = "the target's clock is in UTC"},
	{.key = TIME_ZONE,
		.name = "RealTimeIsUniversal",
		.how = UNSET_IF_EQUAL,
		.number = 1,
		.when = leaving_utc,
		.why = "only the source's clock is in UTC"},

	{.key = CRASH,
		.name = "CrashDumpEnabled",
		.needs = CRASH,
		.how = DEFAULT,
		.number = 7,
		.why = "memory dumps as Windows sets them up"},
	{.key = CRASH,
		.name = "DumpFile",
		.needs = CRASH,
		.how = DEFAULT,
		.text = "%SystemRoot%\\MEMORY.DMP",
		.type = REG_EXPAND_SZ,
		.why = "memory dumps as Windows sets them up"},
	{.key = CRASH,
		.name = "AutoReboot",
		.needs = CRASH,
		.how = DEFAULT,
		.number = 1,
		.why = "nobody is there to do it"},
	{.key = CRASH,
		.name = "NMICrashDump",
		.needs = CRASH,
		.number = 1,
		.why = "a platform asks for a dump by NMI"},

	{.key = POWER,
		.name = "HibernateEnabled",
		.needs = POWER,
		.number = 0,
		.why = "a virtual machine is not to hibernate"},
	{.key = SM_POWER,
		.name = "HiberbootEnabled",
		.needs = SM_POWER,
		.number = 0,
		.why = "Fast Startup leaves the volume open"},
	{.key = SCHEMES,
		.name = "ActivePowerScheme",
		.needs = SCHEMES "\\" FAST,
		.text = FAST,
		.type = REG_SZ,
		.when = target_cloud,
		.why = "high performance"},
	{.key = SCHEMES "\\" FAST "\\" SCREEN_OFF,
		.name = "ACSettingIndex",
		.needs = SCHEMES "\\" FAST,
		.number = 0,
		.when = target_cloud,
		.why = "the display stays on"},

	{.key = ENV,
		.name = "TEMP",
		.needs = ENV,
		.text = "%SystemRoot%\\TEMP",
		.type = REG_EXPAND_SZ,
		.when = target_azure,
		.why = "Azure's requirement"},
	{.key = ENV,
		.name = "TMP",
		.needs = ENV,
		.text = "%SystemRoot%\\TEMP",
		.type = REG_EXPAND_SZ,
		.when = target_azure,
		.why = "Azure's requirement"},
	{.key = VMIC_TIME,
		.name = "Enabled",
		.needs = VMIC_TIME,
		.number = 1,
		.when = target_hyperv,
		.why = "time from the host"},

	{.key = TS,
		.name = "fDenyTSConnections",
		.needs = TS,
		.number = 0,
		.when = rdp,
		.why = ENABLE_RDP},
	RDP_NUMBER("PortNumber", 3389),
	RDP_NUMBER("LanAdapter", 0), /* any */
	RDP_NUMBER("UserAuthentication", 1),
	RDP_NUMBER("MinEncryptionLevel", 3),
	RDP_NUMBER("SecurityLayer", 2),
	RDP_NUMBER("KeepAliveTimeout", 1),
	RDP_NUMBER("fInheritReconnectSame", 1),
	RDP_NUMBER("fReconnectSame", 0),
	RDP_NUMBER("fEnableWinStation", 1),
	RDP_NUMBER("MaxInstanceCount", 0xffffffff),
	/* A certificate that the new machine may not have; without it Windows makes one. */
	{.key = RDP_TCP,
		.name = "SSLCertificateSHA1Hash",
		.how = UNSET,
		.when = rdp,
		.why = ENABLE_RDP ": a certificate of its own"},
};

static int set(struct prep *p, const struct setting *s, const char *key, struct error **err)
{
	struct hive *h = p->guest->hives[HIVE_SYSTEM].h;
	struct reg_value value = s->text ? reg_sz(s->text) : reg_dword(s->number);
	if (s->text)
		value.type = s->type;
	return plan_reg_set(p->plan, h, HIVE_SYSTEM, key, s->name, value, s->why, err);
}

static int apply(struct prep *p, const struct setting *s, unsigned control_set, struct error **err)
{
	struct hive *h = p->guest->hives[HIVE_SYSTEM].h;
	CLEANUP_FREE char *key = guest_control_set_key(p->guest, control_set, s->key);
	CLEANUP_FREE char *needs =
		s->needs ? guest_control_set_key(p->guest, control_set, s->needs) : NULL;
	CLEANUP_REG_VALUE struct reg_value old = {0};
	uint32_t number;
	if (needs && !hive_find(h, hive_root(h), needs))
		return 0;
	int found = hive_get(h, hive_find(h, hive_root(h), key), s->name, &old, err);
	if (found < 0)
		return -1;
	if (s->how == SET || (s->how == DEFAULT && !found))
		return set(p, s, key, err);
	bool equal = found && reg_number(&old, &number) && number == s->number;
	if (s->how == UNSET || (s->how == UNSET_IF_EQUAL && equal))
		return plan_reg_unset(p->plan, h, HIVE_SYSTEM, key, s->name, s->why, err);
	return 0;
}

int settings_values(struct prep *p, unsigned control_set, struct error **err)
{
	for (size_t i = 0; i < ARRAY_SIZE(settings); i++)
		if ((!settings[i].when || settings[i].when(p)) &&
			apply(p, &settings[i], control_set, err) < 0)
			return -1;
	return 0;
}

/* ---- services ---- */

enum { AUTOMATIC = 2, MANUAL = 3 };

/* At least so: what starts earlier than that is left alone. */
static const struct {
	const char *name;
	uint32_t start;
	bool (*when)(const struct prep *p);
	const char *why;
} services[] = {
	{"TermService", MANUAL, rdp_or_azure, "Remote Desktop"},
	{"SessionEnv", MANUAL, rdp, ENABLE_RDP},
	{"UmRdpService", MANUAL, rdp, ENABLE_RDP},
#define AZURE(name, start)                                       \
	{                                                        \
		name, start, target_azure, "Azure's requirement" \
	}
	AZURE("BFE", AUTOMATIC),
	AZURE("Dhcp", AUTOMATIC),
	AZURE("Dnscache", AUTOMATIC),
	AZURE("IKEEXT", AUTOMATIC),
	AZURE("iphlpsvc", AUTOMATIC),
	AZURE("nsi", AUTOMATIC),
	AZURE("mpssvc", AUTOMATIC),
	AZURE("RemoteRegistry", AUTOMATIC),
	AZURE("Netlogon", MANUAL),
	AZURE("Netman", MANUAL),
#undef AZURE
};

int settings_services(struct prep *p, unsigned control_set, struct error **err)
{
	struct hive *h = p->guest->hives[HIVE_SYSTEM].h;
	int rc = 0;
	for (size_t i = 0; rc == 0 && i < ARRAY_SIZE(services); i++) {
		CLEANUP_FREE char *rest = xasprintf("Services\\%s", services[i].name);
		CLEANUP_FREE char *key = guest_control_set_key(p->guest, control_set, rest);
		uint32_t start;
		if (services[i].when(p) &&
			hive_get_number(h, hive_find(h, hive_root(h), key), "Start", &start) &&
			start > services[i].start)
			rc = plan_reg_set(p->plan, h, HIVE_SYSTEM, key, "Start",
				reg_dword(services[i].start), services[i].why, err);
	}
	return rc;
}
