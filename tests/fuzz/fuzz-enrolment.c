/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The enrolment document: whatever the bytes, an error or an enrolment that keeps its promises. */
#include <assert.h>
#include <string.h>
#include <strings.h>

#include "enrolment.h"
#include "mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Nothing of the document becomes a setting that it may not make. */
static void check_network_file(const struct network_interface *i)
{
	static const char *const lines[] = {"[", "Type=ether", "MACAddress=", "DHCP=", "LLMNR=no",
		"MulticastDNS=no", "IPv6AcceptRA=", "LinkLocalAddressing=ipv6",
		"Address=", "Gateway=", "GatewayOnLink=yes", "DNS=", "ClientIdentifier=mac",
		"UseHostname=no"};
	CLEANUP_FREE char *text = enrolment_network_file(i);
	char *rest = text;
	for (char *line; (line = strsep(&rest, "\n"));) {
		bool known = !*line;
		for (size_t n = 0; n < sizeof(lines) / sizeof(*lines) && !known; n++)
			known = strncmp(line, lines[n], strlen(lines[n])) == 0;
		assert(known && !strpbrk(line, " \t\r"));
	}
	assert(i->dhcp || (i->addresses && i->addresses[0]));
}

static void check_promises(const struct enrolment *e)
{
	const struct callback *c = &e->callback;
	assert(e->client_ca && !e->certificate == !e->key);
	assert(!c->url || strncasecmp(c->url, "https://", 8) == 0);
	assert(!c->url || c->ca || c->sha256 || c->sha1);
	assert(!c->sha256 || strspn(c->sha256, "0123456789abcdef") == 64);
	assert(!c->sha1 || strspn(c->sha1, "0123456789abcdef") == 40);
	for (char **p = e->client_pins; p && *p; p++)
		assert(strlen(*p) == 71);
	for (size_t i = 0; i < e->n_interfaces; i++)
		check_network_file(&e->interfaces[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(enrolment_free_p) struct enrolment *e = NULL;
	CLEANUP_ERR struct error *err = NULL;
	if (enrolment_parse((const char *)data, size, &e, &err) == 0)
		check_promises(e);
	else
		assert(!e && err && err->code == ERR_ENROLMENT_INVALID);
	return 0;
}
