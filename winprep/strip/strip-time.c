/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where time comes from: a server that only the source platform has is replaced by what Windows has of its
 * own, time.windows.com, or the domain where it is joined to one. Facts windows-and-peers 1.2 (Google's
 * translate.ps1), 1.3.5, 1.8; the values of Windows are those of a real hive (H4).
 */
#include <string.h>
#include <strings.h>

#include "mem.h"
#include "strip-software.h"

#define WHY "time source of the source platform"

/* The agents poll every 15 minutes, which is for a server of their own. */
#define AGENT_INTERVAL	   900
#define WORKGROUP_INTERVAL 0x8000
#define DOMAIN_INTERVAL	   3600

/* "server" or "server,0x9", one only: a list is somebody's own choice. */
static bool is_ours(const struct prep *p, const char *server)
{
	CLEANUP_FREE char *host = xstrndup(server, strcspn(server, ","));
	const char *flags = server + strlen(host);
	return strip_has(p, STRIP_FIELD(ntp_servers), host) && !strchr(flags, ' ');
}

static int restore_server(struct prep *p, unsigned control_set, struct error **err)
{
	struct hive *h = strip_hive(p, HIVE_SYSTEM);
	bool joined = p->guest->domain != NULL;
	CLEANUP_FREE char *key =
		guest_control_set_key(p->guest, control_set, "Services\\W32Time\\Parameters");
	CLEANUP_FREE char *client = guest_control_set_key(
		p->guest, control_set, "Services\\W32Time\\TimeProviders\\NtpClient");
	CLEANUP_FREE char *server = hive_get_text(h, hive_find(h, hive_root(h), key), "NtpServer");
	uint32_t interval;
	if (!server || !is_ours(p, server))
		return 0;
	if (plan_reg_set(p->plan, h, HIVE_SYSTEM, key, "NtpServer", reg_sz("time.windows.com,0x9"),
		    WHY, err) < 0 ||
		plan_reg_set(p->plan, h, HIVE_SYSTEM, key, "Type", reg_sz(joined ? "NT5DS" : "NTP"),
			joined ? "a member of a domain takes its time from there" : WHY, err) < 0)
		return -1;
	if (!hive_get_number(
		    h, hive_find(h, hive_root(h), client), "SpecialPollInterval", &interval) ||
		interval != AGENT_INTERVAL)
		return 0;
	return plan_reg_set(p->plan, h, HIVE_SYSTEM, client, "SpecialPollInterval",
		reg_dword(joined ? DOMAIN_INTERVAL : WORKGROUP_INTERVAL), WHY, err);
}

/* The list that the control panel offers; its default value names the entry in use. */
static int strip_offered(struct prep *p, struct error **err)
{
	static const char key[] = "Microsoft\\Windows\\CurrentVersion\\DateTime\\Servers";
	struct hive *h = strip_hive(p, HIVE_SOFTWARE);
	hive_node node = hive_find(h, hive_root(h), key);
	CLEANUP_FREE char *chosen = hive_get_text(h, node, "");
	char **entries = NULL;
	if (hive_value_names(h, node, &entries, err) < 0)
		return -1;
	int rc = 0;
	for (size_t i = 0; rc == 0 && entries[i]; i++) {
		CLEANUP_FREE char *server = hive_get_text(h, node, entries[i]);
		if (!*entries[i] || !server || !is_ours(p, server))
			continue;
		rc = strip_value(p, HIVE_SOFTWARE, key, entries[i], WHY, err);
		if (rc == 0 && chosen && strcmp(chosen, entries[i]) == 0)
			rc = plan_reg_set(p->plan, h, HIVE_SOFTWARE, key, "", reg_sz("1"),
				"the first entry: time.windows.com", err);
	}
	reg_texts_free(entries);
	return rc;
}

int strip_time(struct prep *p, struct error **err)
{
	for (unsigned i = 0; i < p->guest->n_control_sets; i++)
		if (restore_server(p, i, err) < 0)
			return -1;
	return strip_hive(p, HIVE_SOFTWARE) ? strip_offered(p, err) : 0;
}
