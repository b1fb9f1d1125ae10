/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a Windows says of itself: version, edition, control sets, names. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "guest-private.h"
#include "mem.h"

static void read_control_sets(struct guest *g)
{
	struct hive *h = g->hives[HIVE_SYSTEM].h;
	CLEANUP_ERR struct error *ignored = NULL;
	char **names = NULL;
	if (hive_subkeys(h, hive_root(h), &names, &ignored) < 0)
		return;
	for (size_t i = 0; names[i] && g->n_control_sets < GUEST_CONTROL_SETS_MAX; i++) {
		char *end;
		if (strncasecmp(names[i], "ControlSet", 10) != 0 || strlen(names[i]) != 13)
			continue;
		unsigned long n = strtoul(names[i] + 10, &end, 10);
		/* one without services starts no Windows: a rest of something else, and no place to change */
		if (n && !*end && hive_findf(h, hive_root(h), "%s\\Services", names[i]))
			g->control_sets[g->n_control_sets++] = (unsigned)n;
	}
	reg_texts_free(names);
	uint32_t current = 0;
	hive_get_number(h, hive_find(h, hive_root(h), "Select"), "Current", &current);
	g->current_control_set = current;
}

static void read_system(struct guest *g)
{
	struct hive *h = g->hives[HIVE_SYSTEM].h;
	read_control_sets(g);
	hive_node set = hive_findf(h, hive_root(h), "ControlSet%03u", g->current_control_set);
	g->computer_name = hive_get_text(
		h, hive_find(h, set, "Control\\ComputerName\\ComputerName"), "ComputerName");
	g->domain = hive_get_text(h, hive_find(h, set, "Services\\Tcpip\\Parameters"), "Domain");
	if (g->domain && !*g->domain) {
		free(g->domain);
		g->domain = NULL;
	}
	CLEANUP_FREE char *product =
		hive_get_text(h, hive_find(h, set, "Control\\ProductOptions"), "ProductType");
	g->product_type = !product				 ? 0
			  : strcasecmp(product, "WinNT") == 0	 ? INF_PRODUCT_WORKSTATION
			  : strcasecmp(product, "LanmanNT") == 0 ? INF_PRODUCT_DOMAIN_CONTROLLER
								 : INF_PRODUCT_SERVER;
	CLEANUP_FREE char *arch =
		hive_get_text(h, hive_find(h, set, "Control\\Session Manager\\Environment"),
			"PROCESSOR_ARCHITECTURE");
	g->arch = arch && strcasecmp(arch, "ARM64") == 0 ? INF_ARM64
		  : arch && strcasecmp(arch, "x86") == 0 ? INF_X86
							 : INF_AMD64;
}

/* "6.3" in CurrentVersion is what every Windows since 8.1 says there; newer ones have the numbers. */
static void read_version(struct guest *g, struct hive *h, hive_node node)
{
	uint32_t n;
	CLEANUP_FREE char *version = hive_get_text(h, node, "CurrentVersion");
	CLEANUP_FREE char *build = hive_get_text(h, node, "CurrentBuildNumber");
	if (version)
		sscanf(version, "%u.%u", &g->major, &g->minor);
	if (hive_get_number(h, node, "CurrentMajorVersionNumber", &n)) {
		g->major = n;
		g->minor = hive_get_number(h, node, "CurrentMinorVersionNumber", &n) ? n : 0;
	}
	if (build)
		g->build = (unsigned)strtoul(build, NULL, 10);
	if (hive_get_number(h, node, "UBR", &n))
		g->revision = n;
}

static void read_software(struct guest *g)
{
	struct hive *h = g->hives[HIVE_SOFTWARE].h;
	hive_node node = hive_find(h, hive_root(h), "Microsoft\\Windows NT\\CurrentVersion");
	read_version(g, h, node);
	g->product_name = hive_get_text(h, node, "ProductName");
	g->edition = hive_get_text(h, node, "EditionID");
	g->install_type = hive_get_text(h, node, "InstallationType");
	g->display_version = hive_get_text(h, node, "DisplayVersion");
}

/* An ESP, and Windows' own word for how it was started last, where it left one. */
static bool is_uefi(const struct guest *g)
{
	for (size_t i = 0; i < g->table->n; i++)
		if (g->table->v[i].role == ROLE_ESP)
			return true;
	return false;
}

void guest_read_facts(struct guest *g)
{
	if (g->hives[HIVE_SYSTEM].h)
		read_system(g);
	if (g->hives[HIVE_SOFTWARE].h)
		read_software(g);
	g->uefi = is_uefi(g);
}

void guest_facts_done(struct guest *g)
{
	free(g->product_name);
	free(g->edition);
	free(g->install_type);
	free(g->display_version);
	free(g->computer_name);
	free(g->domain);
}

const char *guest_arch_name(enum inf_arch arch)
{
	return arch == INF_ARM64 ? "arm64" : arch == INF_X86 ? "x86" : "amd64";
}
