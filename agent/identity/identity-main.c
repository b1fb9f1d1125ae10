/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * ce-identity: finds the enrolment document and leaves the agent its configuration. Runs once a boot,
 * before the agent. Where there is none the machine gets an identity of its own, a pairing code, and
 * obeys nobody until an appliance pairs with it.
 */
#include <errno.h>
#include <getopt.h>
#include <gnutls/crypto.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "enrolment.h"
#include "io.h"
#include "jsonx.h"
#include "logging.h"
#include "mem.h"
#include "source.h"

struct options {
	const char *output, *network_dir;
	struct source_env env;
};

enum {
	OPT_OUTPUT,
	OPT_NETWORK,
	OPT_SOURCES,
	OPT_DRIVES,
	OPT_DMI,
	OPT_LINK_LOCAL,
	OPT_HYPERVISOR,
	OPT_XENBUS,
	OPT_WAIT,
	OPT_HELP
};

static int usage(FILE *to)
{
	fputs("usage: ce-identity --output DIR [--network-dir DIR] [--sources within|outside]\n"
	      "Finds the enrolment document that the platform holds for this machine and writes what\n"
	      "ce-agentd starts from. See ce-identity(8).\n"
	      "For tests: --drives DIR --dmi DIR --link-local URL --hypervisor-type FILE\n"
	      "--xenbus FILE --wait-ms N\n",
		to);
	return to == stderr ? 2 : 0;
}

static bool parse_reach(const char *text, enum source_reach *ret)
{
	*ret = strcmp(text, "outside") == 0 ? SOURCES_OUTSIDE : SOURCES_WITHIN;
	return *ret == SOURCES_OUTSIDE || strcmp(text, "within") == 0;
}

/* -1: go on */
static int parse(int argc, char **argv, struct options *o)
{
	static const struct option options[] = {{"output", required_argument, NULL, OPT_OUTPUT},
		{"network-dir", required_argument, NULL, OPT_NETWORK},
		{"sources", required_argument, NULL, OPT_SOURCES},
		{"drives", required_argument, NULL, OPT_DRIVES},
		{"dmi", required_argument, NULL, OPT_DMI},
		{"link-local", required_argument, NULL, OPT_LINK_LOCAL},
		{"hypervisor-type", required_argument, NULL, OPT_HYPERVISOR},
		{"xenbus", required_argument, NULL, OPT_XENBUS},
		{"wait-ms", required_argument, NULL, OPT_WAIT},
		{"help", no_argument, NULL, OPT_HELP}, {0}};
	for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;)
		switch (c) {
		case OPT_OUTPUT:
			o->output = optarg;
			break;
		case OPT_NETWORK:
			o->network_dir = optarg;
			break;
		case OPT_SOURCES:
			if (!parse_reach(optarg, &o->env.reach))
				return usage(stderr);
			break;
		case OPT_DRIVES:
			o->env.drives = optarg;
			break;
		case OPT_DMI:
			o->env.dmi = optarg;
			break;
		case OPT_LINK_LOCAL:
			o->env.link_local = optarg;
			break;
		case OPT_HYPERVISOR:
			o->env.hypervisor_type = optarg;
			break;
		case OPT_XENBUS:
			o->env.xenbus = optarg;
			break;
		case OPT_WAIT:
			o->env.wait_ms = (unsigned)strtoul(optarg, NULL, 10);
			break;
		case OPT_HELP:
			return usage(stdout);
		default:
			return usage(stderr);
		}
	return o->output && optind == argc ? -1 : usage(stderr);
}

static const char *host_name(void)
{
	static char name[65];
	if (gethostname(name, sizeof(name) - 1) < 0 || !*name)
		strcpy(name, "ce");
	return name;
}

/* Ten characters that nobody mixes up when reading them off a screen: 50 bits. */
static int make_pairing_code(char code[12], struct error **err)
{
	static const char alphabet[33] = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
	uint8_t random[10];
	if (gnutls_rnd(GNUTLS_RND_KEY, random, sizeof(random)) < 0)
		return err_set(err, ERR_INTERNAL, "no random numbers");
	for (size_t i = 0, at = 0; i < sizeof(random); i++) {
		if (i == 5)
			code[at++] = '-';
		code[at++] = alphabet[random[i] % 32];
	}
	code[11] = '\0';
	return 0;
}

/* Nobody is obeyed; the agent takes a document from whoever shows the code. */
static int unpaired(const struct options *o, const char *source, const struct error *problem,
	struct error **err)
{
	CLEANUP(enrolment_free_p) struct enrolment *e = xcalloc(1, sizeof(*e));
	char code[12] = "";
	if (enrolment_self_signed(e, host_name(), err) < 0 || make_pairing_code(code, err) < 0)
		return -1;
	if (identity_write(o->output, source, e->certificate, code, problem, err) < 0)
		return -1;
	return enrolment_write_unpaired(e, o->output, err);
}

static int identify(const struct options *o, struct error **err)
{
	CLEANUP(enrolment_free_p) struct enrolment *e = NULL;
	CLEANUP_ERR struct error *problem = NULL;
	const char *source = NULL;
	char *text = NULL;
	size_t len = 0;
	int found = source_fetch(&o->env, &source, &text, &len, &problem);
	if (found == SOURCE_LATER) {
		log_info("%s is asked once there is a network", source);
		return 0;
	}
	if (found > 0 && enrolment_parse(text, len, &e, &problem) < 0)
		err_prefix(&problem, "%s", source);
	mem_wipe_str(text);
	if (problem)
		log_error(problem);
	if (!e)
		return unpaired(o, source, problem, err);
	if (!e->certificate && enrolment_self_signed(e, host_name(), err) < 0)
		return -1;
	if (enrolment_write(e, o->output, o->network_dir, err) < 0)
		return -1;
	return identity_write(o->output, source, e->certificate, NULL, NULL, err);
}

int main(int argc, char **argv)
{
	struct options o = {.env = {.credentials = getenv("CREDENTIALS_DIRECTORY"),
				    .dmi = "/sys/class/dmi/id",
				    .link_local = "http://169.254.169.254",
				    .hypervisor_type = "/sys/hypervisor/type",
				    .xenbus = "/dev/xen/xenbus",
				    .vmware = vmware_port_access,
				    .wait_ms = 60000}};
	CLEANUP_ERR struct error *err = NULL;
	int rc = parse(argc, argv, &o);
	if (rc >= 0)
		return rc;
	log_init("ce-identity");
	umask(0022); /* what is secret says so itself; networkd, no root, reads the adapters */
	if (identify(&o, &err) == 0)
		return 0;
	log_error(err);
	return 1;
}
