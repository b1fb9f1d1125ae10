/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <gnutls/x509.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "enrolment.h"
#include "io.h"
#include "jsonx.h"
#include "mem.h"
#include "strbuf.h"
#include "tree.h"

static int put(const char *dir, const char *name, const char *text, struct error **err)
{
	CLEANUP_FREE char *path = xasprintf("%s/%s", dir, name);
	return file_write_atomic(path, text, strlen(text), 0600, err);
}

static void add_list(struct strbuf *b, const char *key, char *const *list)
{
	for (; list && *list; list++)
		strbuf_addf(b, "%s=%s\n", key, *list);
}

char *enrolment_network_file(const struct network_interface *i)
{
	struct strbuf b = {0};
	strbuf_addf(&b, "[Match]\nType=ether\n");
	if (i->mac)
		strbuf_addf(&b, "MACAddress=%s\n", i->mac);
	/* addresses that are given are all there are: no router adds to them */
	strbuf_addf(&b,
		"\n[Network]\nDHCP=%s\nIPv6AcceptRA=%s\nLinkLocalAddressing=ipv6\nLLMNR=no\n"
		"MulticastDNS=no\n",
		i->dhcp ? "yes" : "no", i->dhcp ? "yes" : "no");
	add_list(&b, "Address", i->addresses);
	add_list(&b, "DNS", i->dns);
	/* on the link, whatever the prefix: clouds give out /32 */
	for (char *const *g = i->gateways; g && *g; g++)
		strbuf_addf(&b, "\n[Route]\nGateway=%s\nGatewayOnLink=yes\n", *g);
	strbuf_addf(&b, "\n[DHCPv4]\nClientIdentifier=mac\nUseHostname=no\n");
	return strbuf_take(&b);
}

static int write_network(const struct enrolment *e, const char *dir, struct error **err)
{
	if (e->n_interfaces && folder_make(dir, 0755, err) < 0)
		return -1;
	for (size_t i = 0; i < e->n_interfaces; i++) {
		/* one that names its adapter goes before one for all */
		CLEANUP_FREE char *text = enrolment_network_file(&e->interfaces[i]);
		CLEANUP_FREE char *path =
			xasprintf("%s/%u-ce-%zu.network", dir, e->interfaces[i].mac ? 10 : 20, i);
		if (file_write_atomic(path, text, strlen(text), 0644, err) < 0)
			return -1;
	}
	return 0;
}

/*
 * The machine's certificate is its certificate as a client too, where the document brought one that may be: a
 * server that merely asks for one ends the connection over one that it cannot place.
 */
static void add_client_certificate(json_t *o, const struct enrolment *e, const char *dir)
{
	if (e->own_certificate || !certificate_is_for(e->certificate, GNUTLS_KP_TLS_WWW_CLIENT))
		return;
	CLEANUP_FREE char *cert = xasprintf("%s/server.pem", dir);
	CLEANUP_FREE char *key = xasprintf("%s/server.key", dir);
	jsonx_set_string(o, "certificate", cert);
	jsonx_set_string(o, "key", key);
}

static int write_callback(const struct enrolment *e, const char *dir, struct error **err)
{
	const struct callback *c = &e->callback;
	if (!c->url)
		return 0;
	CLEANUP_JSON json_t *o = json_object();
	jsonx_set_string(o, "url", c->url);
	jsonx_set_string(o, "ca", c->ca);
	jsonx_set_string(o, "sha256Fingerprint", c->sha256);
	jsonx_set_string(o, "sha1Fingerprint", c->sha1);
	jsonx_set_bool(o, "noHostNameCheck", c->no_host_name_check);
	add_client_certificate(o, e, dir);
	CLEANUP_FREE char *text = jsonx_dump_pretty(o);
	return put(dir, "callback.json", text, err);
}

/* The agent's own --config. */
static int write_config(const struct enrolment *e, const char *dir, struct error **err)
{
	static const char *const files[][2] = {
		{"cert", "server.pem"}, {"key", "server.key"}, {"client-ca", "client-ca.pem"}};
	CLEANUP_JSON json_t *o = json_object();
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		CLEANUP_FREE char *path = xasprintf("%s/%s", dir, files[i][1]);
		jsonx_set_string(o, files[i][0], path);
	}
	if (e->client_pins && e->client_pins[0]) {
		json_t *pins = json_array();
		for (char **p = e->client_pins; *p; p++)
			json_array_append_new(pins, json_string(*p));
		jsonx_set(o, "client-pin", pins);
	}
	CLEANUP_FREE char *text = jsonx_dump_pretty(o);
	return put(dir, "agent.json", text, err);
}

int enrolment_write(
	const struct enrolment *e, const char *dir, const char *network_dir, struct error **err)
{
	if (folder_make(dir, 0700, err) < 0 || put(dir, "server.pem", e->certificate, err) < 0 ||
		put(dir, "server.key", e->key, err) < 0 ||
		put(dir, "client-ca.pem", e->client_ca, err) < 0 || write_callback(e, dir, err) < 0)
		return -1;
	if (network_dir && write_network(e, network_dir, err) < 0)
		return -1;
	return write_config(e, dir, err);
}

int enrolment_write_unpaired(const struct enrolment *own, const char *dir, struct error **err)
{
	CLEANUP_FREE char *cert = xasprintf("%s/own.pem", dir), *key = xasprintf("%s/own.key", dir),
			  *tries = xasprintf("%s/pairing-tries", dir);
	if (folder_make(dir, 0700, err) < 0 || put(dir, "own.pem", own->certificate, err) < 0 ||
		put(dir, "own.key", own->key, err) < 0)
		return -1;
	unlink(tries); /* of another code */
	CLEANUP_JSON json_t *o = json_object();
	jsonx_set_string(o, "cert", cert);
	jsonx_set_string(o, "key", key);
	jsonx_set_string(o, "pairing", dir);
	CLEANUP_FREE char *text = jsonx_dump_pretty(o);
	return put(dir, "agent.json", text, err);
}

int identity_write(const char *dir, const char *source, const char *certificate,
	const char *pairing_code, const struct error *problem, struct error **err)
{
	CLEANUP_FREE char *fingerprint = NULL;
	CLEANUP_JSON json_t *o = json_object();
	if (folder_make(dir, 0700, err) < 0 ||
		certificate_fingerprint(certificate, &fingerprint, err) < 0)
		return -1;
	jsonx_set_string(o, "source", source);
	jsonx_set_string(o, "fingerprint", fingerprint);
	jsonx_set_string(o, "pairingCode", pairing_code);
	jsonx_set(o, "problem", problem ? jsonx_from_error(problem) : json_null());
	CLEANUP_FREE char *text = jsonx_dump_pretty(o);
	return put(dir, "identity.json", text, err);
}
