/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Remote Desktop, and ping, through the Windows firewall: the in-box rules, switched on. A rule is text,
 * "v2.30|Action=Allow|Active=FALSE|Dir=In|…|"; one word of it is changed.
 */
#include <string.h>
#include <strings.h>

#include "mem.h"
#include "settings.h"
#include "strbuf.h"

#define POLICY		  "Services\\SharedAccess\\Parameters\\FirewallPolicy"
#define SOFTWARE_POLICIES "Policies\\Microsoft\\"

/* Azure's and Google's instructions want an answer to ping, too. */
static const struct {
	const char *name, *what;
	bool cloud;
} rules[] = {
	{"RemoteDesktop-UserMode-In-TCP", "Remote Desktop", false},
	{"RemoteDesktop-UserMode-In-UDP", "Remote Desktop", false},
	{"FPS-ICMP4-ERQ-In", "ping", true},
};
static const char *const profiles[] = {"DomainProfile", "StandardProfile", "PublicProfile"};

static bool rule_has(const char *rule, const char *word)
{
	size_t len = strlen(word);
	for (const char *at = rule; at; at = strchr(at, '|')) {
		at += *at == '|';
		if (strncasecmp(at, word, len) == 0 && (at[len] == '|' || at[len] == '\0'))
			return true;
	}
	return false;
}

/* The rule with "Active=TRUE" in place of what it says; a rule that says nothing is not active. */
static char *switched_on(const char *rule)
{
	struct strbuf b = {0};
	CLEANUP_FREE char *copy = xstrdup(rule);
	char *rest = copy, *word;
	bool first = true;
	while ((word = strsep(&rest, "|"))) {
		strbuf_addf(&b, "%s%s", first ? "" : "|",
			strncasecmp(word, "Active=", 7) == 0 ? "Active=TRUE" : word);
		first = false;
	}
	return strbuf_take(&b);
}

static int switch_on(
	struct prep *p, const char *key, const char *name, const char *what, struct error **err)
{
	struct hive *h = p->guest->hives[HIVE_SYSTEM].h;
	CLEANUP_FREE char *rule = hive_get_text(h, hive_find(h, hive_root(h), key), name);
	if (!rule) {
		plan_note(p->plan, "%s: no rule %s: %s may be blocked", key, name, what);
		return 0;
	}
	if (!rule_has(rule, "Action=Allow") || !rule_has(rule, "Dir=In")) {
		plan_note(p->plan, "%s: rule %s left alone: it is not what Windows brings", key,
			name);
		return 0;
	}
	if (rule_has(rule, "Active=TRUE"))
		return 0;
	if (!rule_has(rule, "Active=FALSE")) {
		plan_note(p->plan, "%s: rule %s left alone: it does not say whether it is active",
			key, name);
		return 0;
	}
	CLEANUP_FREE char *on = switched_on(rule);
	return plan_reg_set(
		p->plan, h, HIVE_SYSTEM, key, name, reg_sz(on), "enableRdp: let it in", err);
}

int settings_firewall(struct prep *p, unsigned control_set, struct error **err)
{
	struct hive *h = p->guest->hives[HIVE_SYSTEM].h;
	CLEANUP_FREE char *policy = guest_control_set_key(p->guest, control_set, POLICY);
	CLEANUP_FREE char *key = xasprintf("%s\\FirewallRules", policy);
	if (!hive_find(h, hive_root(h), key))
		return 0;
	bool cloud = strcmp(p->to->name, "azure") == 0 || strcmp(p->to->name, "gcp") == 0;
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
		if ((!rules[i].cloud || cloud) &&
			switch_on(p, key, rules[i].name, rules[i].what, err) < 0)
			return -1;
	for (size_t i = 0; i < ARRAY_SIZE(profiles); i++) {
		uint32_t n = 0;
		hive_node node = hive_findf(h, hive_root(h), "%s\\%s", policy, profiles[i]);
		if (hive_get_number(h, node, "DoNotAllowExceptions", &n) && n)
			plan_note(p->plan, "%s\\%s: DoNotAllowExceptions blocks Remote Desktop",
				policy, profiles[i]);
	}
	return 0;
}

/* ---- policies ---- */

/* Group Policy comes back with its own values: it has to be changed where it is made. */
void settings_note_policies(struct prep *p)
{
	static const struct {
		const char *key, *name;
		uint32_t bad;
	} policies[] = {
		{"Windows NT\\Terminal Services", "fDenyTSConnections", 1},
		{"WindowsFirewall\\DomainProfile", "DoNotAllowExceptions", 1},
		{"WindowsFirewall\\DomainProfile", "AllowLocalPolicyMerge", 0},
		{"WindowsFirewall\\PrivateProfile", "DoNotAllowExceptions", 1},
		{"WindowsFirewall\\PrivateProfile", "AllowLocalPolicyMerge", 0},
		{"WindowsFirewall\\StandardProfile", "DoNotAllowExceptions", 1},
		{"WindowsFirewall\\StandardProfile", "AllowLocalPolicyMerge", 0},
		{"WindowsFirewall\\PublicProfile", "DoNotAllowExceptions", 1},
		{"WindowsFirewall\\PublicProfile", "AllowLocalPolicyMerge", 0},
	};
	struct hive *h = p->guest->hives[HIVE_SOFTWARE].h;
	for (size_t i = 0; h && i < ARRAY_SIZE(policies); i++) {
		uint32_t n;
		hive_node node =
			hive_findf(h, hive_root(h), SOFTWARE_POLICIES "%s", policies[i].key);
		if (hive_get_number(h, node, policies[i].name, &n) && n == policies[i].bad)
			plan_note(p->plan,
				"SOFTWARE\\" SOFTWARE_POLICIES "%s: %s = %u outranks enableRdp",
				policies[i].key, policies[i].name, n);
	}
}
