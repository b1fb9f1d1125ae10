/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * ce-console [--identity FILE] [--agent FILE] [--callback FILE] [--once] TERMINAL...: keeps the status screen
 * on the consoles of a worker VM. It reads three small files and the addresses, and takes no input at all.
 */
#include <fcntl.h>
#include <getopt.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "console-screen.h"
#include "io.h"
#include "jsonx.h"
#include "local-addresses.h"
#include "mem.h"

#define PERIOD_NS 1000000000L
#define REDRAW	  30 /* periods: what the kernel wrote across it goes */

static json_t *read_json(const char *path)
{
	CLEANUP_ERR struct error *ignored = NULL;
	json_t *o = NULL;
	return jsonx_read_file(path, &o, &ignored) == 0 ? o : NULL;
}

/* NULL-terminated; the texts are the caller's. */
static void read_addresses(char *ret[LOCAL_ADDRESSES_MAX + 1])
{
	struct local_address all[LOCAL_ADDRESSES_MAX];
	size_t n = local_addresses(all);
	for (size_t i = 0; i < n; i++)
		ret[i] = xasprintf("%s (%s)", all[i].text, all[i].adapter);
	ret[n] = NULL;
}

/* What the first adapter is waiting for; the caller frees. */
static char *why_no_address(void)
{
	struct ifaddrs *all;
	char *why = NULL;
	if (getifaddrs(&all) < 0)
		return NULL;
	for (const struct ifaddrs *i = all; i && !why; i = i->ifa_next)
		if (i->ifa_addr && i->ifa_addr->sa_family == AF_PACKET &&
			!(i->ifa_flags & IFF_LOOPBACK))
			why = xasprintf("%s %s", i->ifa_name,
				i->ifa_flags & IFF_RUNNING ? "has a link and waits for DHCP"
							   : "has no link");
	freeifaddrs(all);
	return why ? why : xstrdup("no network adapter");
}

static char *render(const char *identity_file, const char *agent_file, const char *callback_file)
{
	CLEANUP_JSON json_t *identity = read_json(identity_file), *agent = read_json(agent_file),
			    *callback = read_json(callback_file);
	char *addresses[LOCAL_ADDRESSES_MAX + 1], host[65] = "";
	CLEANUP_FREE char *why = NULL;
	read_addresses(addresses);
	if (!addresses[0])
		why = why_no_address();
	gethostname(host, sizeof(host) - 1);
	const struct screen s = {.version = CE_VERSION,
		.host_name = host,
		.addresses = (const char *const *)addresses,
		.no_address = why,
		.identity = identity,
		.agent = agent,
		.callback = callback};
	char *text = screen_text(&s);
	for (char **a = addresses; *a; a++)
		free(*a);
	return text;
}

/* Opened each time: a serial line that nobody listens to must not hold the others up. */
static void show(const char *terminal, const char *text)
{
	CLEANUP_CLOSE int fd = open(terminal, O_WRONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	CLEANUP_FREE char *out = NULL;
	size_t n = 0, len = strlen(text);
	if (fd < 0)
		return;
	/* home and clear; lines end as a terminal wants them */
	out = xmalloc(2 * len + 16);
	n += (size_t)sprintf(out, "\033[H\033[2J");
	for (size_t i = 0; i < len; i++) {
		if (text[i] == '\n')
			out[n++] = '\r';
		out[n++] = text[i];
	}
	out[n++] = '\r';
	out[n++] = '\n';
	for (size_t done = 0, tries = 0; done < n && tries < 100; tries++) {
		ssize_t w = write(fd, out + done, n - done);
		if (w > 0)
			done += (size_t)w;
		else
			nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
	}
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"identity", required_argument, NULL, 'i'},
		{"agent", required_argument, NULL, 'a'}, {"callback", required_argument, NULL, 'c'},
		{"once", no_argument, NULL, 'o'}, {0}};
	const char *identity = "/run/ce/identity.json", *agent = "/run/ce-agent/status.json",
		   *callback = "/run/ce-callback/status.json";
	bool once = false;
	for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;)
		if (c == 'i')
			identity = optarg;
		else if (c == 'a')
			agent = optarg;
		else if (c == 'c')
			callback = optarg;
		else if (c == 'o')
			once = true;
		else
			return 2;
	CLEANUP_FREE char *shown = NULL;
	for (unsigned n = 0;; n++) {
		char *text = render(identity, agent, callback);
		if (once) {
			puts(text);
			free(text);
			return 0;
		}
		if (!shown || strcmp(shown, text) != 0 || n % REDRAW == 0)
			for (int i = optind; i < argc; i++)
				show(argv[i], text);
		free(shown);
		shown = text;
		nanosleep(&(struct timespec){.tv_nsec = PERIOD_NS - 1}, NULL);
	}
}
