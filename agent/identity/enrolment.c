/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "enrolment.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <gnutls/x509.h>
#include <string.h>
#include <strings.h>

#include "jsonx.h"
#include "mem.h"

#define LIST_MAX 64

static void list_free(char **list)
{
	for (char **p = list; p && *p; p++)
		free(*p);
	free(list);
}

void enrolment_free(struct enrolment *e)
{
	if (!e)
		return;
	free(e->certificate);
	mem_wipe_str(e->key);
	free(e->client_ca);
	list_free(e->client_pins);
	free(e->callback.url);
	free(e->callback.ca);
	free(e->callback.sha256);
	free(e->callback.sha1);
	for (size_t i = 0; i < e->n_interfaces; i++) {
		free(e->interfaces[i].mac);
		list_free(e->interfaces[i].addresses);
		list_free(e->interfaces[i].gateways);
		list_free(e->interfaces[i].dns);
	}
	free(e->interfaces);
	free(e);
}

#define invalid(err, ...) err_set(err, ERR_ENROLMENT_INVALID, __VA_ARGS__)

/* ---- fields ---- */

/* Every member is one of names, in its exact spelling but for case, and there once. */
static int only(const json_t *o, const char *where, const char *const *names, struct error **err)
{
	const char *key;
	json_t *value;
	json_object_foreach ((json_t *)o, key, value) {
		bool known = false;
		for (const char *const *n = names; *n && !known; n++)
			known = strcasecmp(*n, key) == 0;
		if (!known)
			return invalid(err, "field \"%s%.64s\" is not known", where, key);
	}
	for (const char *const *n = names; *n; n++) {
		unsigned count = 0;
		json_object_foreach ((json_t *)o, key, value)
			count += strcasecmp(*n, key) == 0;
		if (count > 1)
			return invalid(err, "field \"%s%s\" is there %u times", where, *n, count);
	}
	return 0;
}

static int text(
	const json_t *o, const char *where, const char *name, char **ret, struct error **err)
{
	const char *s = NULL;
	if (jsonx_get_string(o, where, name, &s, err) < 0) {
		(*err)->code = ERR_ENROLMENT_INVALID;
		return -1;
	}
	if (s && !*s)
		return invalid(err, "field \"%s%s\" is empty", where, name);
	*ret = s ? xstrdup(s) : NULL;
	return 0;
}

static int flag(const json_t *o, const char *where, const char *name, bool *ret, struct error **err)
{
	if (jsonx_get_bool(o, where, name, ret, err) == 0)
		return 0;
	(*err)->code = ERR_ENROLMENT_INVALID;
	return -1;
}

typedef bool text_check(const char *s);

static int list(const json_t *o, const char *where, const char *name, text_check *check,
	const char *expected, char ***ret, struct error **err)
{
	const json_t *a = jsonx_get(o, name);
	if (!a || json_is_null(a))
		return 0;
	size_t n = json_array_size(a);
	if (!json_is_array(a) || n > LIST_MAX)
		return invalid(err, "field \"%s%s\" is no array of at most %d texts", where, name,
			LIST_MAX);
	*ret = xcalloc(n + 1, sizeof(**ret));
	for (size_t i = 0; i < n; i++) {
		const char *s = json_string_value(json_array_get(a, i));
		if (!s || !check(s))
			return invalid(
				err, "field \"%s%s[%zu]\" is no %s", where, name, i, expected);
		(*ret)[i] = xstrdup(s);
	}
	return 0;
}

/* ---- what texts must be ---- */

static bool is_hex(const char *s, size_t digits)
{
	return strspn(s, "0123456789abcdefABCDEF") == digits && !s[digits];
}

/* A machine's: not the unspecified one, a loopback or a multicast one. */
static bool is_address(const char *s)
{
	struct in_addr four;
	struct in6_addr six;
	if (inet_pton(AF_INET, s, &four) == 1) {
		uint32_t a = ntohl(four.s_addr);
		return a >> 24 != 0 && a >> 24 != IN_LOOPBACKNET && a >> 28 < 14;
	}
	return inet_pton(AF_INET6, s, &six) == 1 && !IN6_IS_ADDR_UNSPECIFIED(&six) &&
	       !IN6_IS_ADDR_LOOPBACK(&six) && !IN6_IS_ADDR_MULTICAST(&six);
}

static bool is_prefix(const char *s)
{
	char address[INET6_ADDRSTRLEN];
	const char *slash = strchr(s, '/');
	if (!slash || (size_t)(slash - s) >= sizeof(address) || strlen(slash + 1) > 3 ||
		!slash[1] || slash[1 + strspn(slash + 1, "0123456789")])
		return false;
	memcpy(address, s, (size_t)(slash - s));
	address[slash - s] = '\0';
	return is_address(address) && atoi(slash + 1) <= (strchr(address, ':') ? 128 : 32);
}

static bool is_pin(const char *s)
{
	return strncasecmp(s, "SHA256:", 7) == 0 && is_hex(s + 7, 64);
}

static bool is_mac(const char *s)
{
	for (int i = 0; i < 6; i++, s += 3)
		if (!isxdigit((unsigned char)s[0]) || !isxdigit((unsigned char)s[1]) ||
			s[2] != (i < 5 ? ':' : '\0'))
			return false;
	return true;
}

static void lower(char *s)
{
	for (; s && *s; s++)
		*s = (char)tolower((unsigned char)*s);
}

/* ---- certificates ---- */

static gnutls_datum_t datum(const char *s)
{
	return (gnutls_datum_t){(unsigned char *)s, (unsigned)strlen(s)};
}

static int check_pem(const char *pem, const char *field, struct error **err)
{
	gnutls_x509_crt_t *list = NULL;
	unsigned n = 0;
	const gnutls_datum_t d = datum(pem);
	int rc = gnutls_x509_crt_list_import2(&list, &n, &d, GNUTLS_X509_FMT_PEM, 0);
	for (unsigned i = 0; rc >= 0 && i < n; i++)
		gnutls_x509_crt_deinit(list[i]);
	gnutls_free(list);
	if (rc < 0 || n == 0)
		return invalid(err, "field \"%s\" holds no certificate as PEM: %s", field,
			rc < 0 ? gnutls_strerror(rc) : "nothing in it");
	return 0;
}

static int check_pair(const struct enrolment *e, struct error **err)
{
	gnutls_certificate_credentials_t cred;
	const gnutls_datum_t cert = datum(e->certificate), key = datum(e->key);
	int rc = gnutls_certificate_allocate_credentials(&cred);
	if (rc < 0)
		return err_set(err, ERR_NO_MEMORY, "TLS: %s", gnutls_strerror(rc));
	rc = gnutls_certificate_set_x509_key_mem(cred, &cert, &key, GNUTLS_X509_FMT_PEM);
	gnutls_certificate_free_credentials(cred);
	return rc < 0 ? invalid(err, "\"server.certificate\" and \"server.key\": %s",
				gnutls_strerror(rc))
		      : 0;
}

/* ---- the parts ---- */

static const json_t *object(const json_t *o, const char *name, struct error **err)
{
	const json_t *v = jsonx_get(o, name);
	if (v && !json_is_null(v) && !json_is_object(v))
		invalid(err, "field \"%s\" is no object", name);
	return json_is_object(v) ? v : NULL;
}

static int parse_server(struct enrolment *e, const json_t *top, struct error **err)
{
	static const char *const names[] = {"certificate", "key", NULL};
	const json_t *o = object(top, "server", err);
	if (!o)
		return *err ? -1 : 0;
	if (only(o, "server.", names, err) < 0 ||
		text(o, "server.", "certificate", &e->certificate, err) < 0 ||
		text(o, "server.", "key", &e->key, err) < 0)
		return -1;
	if (!e->certificate != !e->key)
		return invalid(
			err, "field \"server.%s\" is missing", e->key ? "certificate" : "key");
	if (!e->certificate)
		return 0;
	if (check_pem(e->certificate, "server.certificate", err) < 0 || check_pair(e, err) < 0)
		return -1;
	return certificate_is_for(e->certificate, GNUTLS_KP_TLS_WWW_SERVER)
		       ? 0
		       : invalid(err,
				 "\"server.certificate\" is none of a server: its extended key usage lacks serverAuth");
}

static int parse_callback(struct callback *c, const json_t *top, struct error **err)
{
	static const char *const names[] = {
		"url", "ca", "sha256Fingerprint", "sha1Fingerprint", "noHostNameCheck", NULL};
	const json_t *o = object(top, "callback", err);
	if (!o)
		return *err ? -1 : 0;
	if (only(o, "callback.", names, err) < 0 || text(o, "callback.", "url", &c->url, err) < 0 ||
		text(o, "callback.", "ca", &c->ca, err) < 0 ||
		text(o, "callback.", "sha256Fingerprint", &c->sha256, err) < 0 ||
		text(o, "callback.", "sha1Fingerprint", &c->sha1, err) < 0 ||
		flag(o, "callback.", "noHostNameCheck", &c->no_host_name_check, err) < 0)
		return -1;
	uint16_t port;
	if (callback_url_port(c->url ? c->url : "", &port, err) < 0)
		return -1;
	if (c->sha256 && !is_hex(c->sha256, 64))
		return invalid(err, "field \"callback.sha256Fingerprint\": 64 hex digits expected");
	if (c->sha1 && !is_hex(c->sha1, 40))
		return invalid(err, "field \"callback.sha1Fingerprint\": 40 hex digits expected");
	if (!c->ca && !c->sha256 && !c->sha1)
		return invalid(err, "field \"callback\" needs \"ca\" or a fingerprint: nobody else "
				    "would say who answers");
	lower(c->sha256);
	lower(c->sha1);
	return c->ca ? check_pem(c->ca, "callback.ca", err) : 0;
}

static int parse_interface(
	struct network_interface *i, const json_t *o, const char *where, struct error **err)
{
	static const char *const names[] = {"mac", "dhcp", "addresses", "gateways", "dns", NULL};
	if (only(o, where, names, err) < 0 || text(o, where, "mac", &i->mac, err) < 0 ||
		flag(o, where, "dhcp", &i->dhcp, err) < 0 ||
		list(o, where, "addresses", is_prefix, "address with its prefix length",
			&i->addresses, err) < 0 ||
		list(o, where, "gateways", is_address, "address", &i->gateways, err) < 0 ||
		list(o, where, "dns", is_address, "address", &i->dns, err) < 0)
		return -1;
	if (i->mac && !is_mac(i->mac))
		return invalid(err, "field \"%smac\" is no MAC address", where);
	lower(i->mac);
	if (!i->dhcp && (!i->addresses || !i->addresses[0]))
		return invalid(
			err, "field \"%saddresses\" is missing where \"dhcp\" is false", where);
	return 0;
}

static int parse_network(struct enrolment *e, const json_t *top, struct error **err)
{
	static const char *const names[] = {"interfaces", NULL};
	const json_t *o = object(top, "network", err);
	if (!o)
		return *err ? -1 : 0;
	const json_t *a = jsonx_get(o, "interfaces");
	if (only(o, "network.", names, err) < 0)
		return -1;
	if (!json_is_array(a) || json_array_size(a) > LIST_MAX)
		return invalid(
			err, "field \"network.interfaces\" is no array of at most %d", LIST_MAX);
	e->interfaces = xcalloc(json_array_size(a) + 1, sizeof(*e->interfaces));
	for (size_t i = 0; i < json_array_size(a); i++) {
		CLEANUP_FREE char *where = xasprintf("network.interfaces[%zu].", i);
		e->n_interfaces++;
		if (!json_is_object(json_array_get(a, i)))
			return invalid(err, "field \"network.interfaces[%zu]\" is no object", i);
		if (parse_interface(&e->interfaces[i], json_array_get(a, i), where, err) < 0)
			return -1;
	}
	return 0;
}

int enrolment_parse(const char *bytes, size_t len, struct enrolment **ret, struct error **err)
{
	static const char *const names[] = {
		"version", "server", "clientCa", "clientPins", "callback", "network", NULL};
	CLEANUP(enrolment_free_p) struct enrolment *e = xcalloc(1, sizeof(*e));
	CLEANUP_JSON json_t *top = NULL;
	if (len > ENROLMENT_SIZE_MAX)
		return invalid(err, "the document has %zu bytes (at most %u expected)", len,
			ENROLMENT_SIZE_MAX);
	if (jsonx_parse(bytes, len, &top, err) < 0) {
		(*err)->code = ERR_ENROLMENT_INVALID;
		return -1;
	}
	if (!json_is_integer(jsonx_get(top, "version")) ||
		json_integer_value(jsonx_get(top, "version")) != 1)
		return invalid(err, "field \"version\" is not 1");
	if (only(top, "", names, err) < 0 || parse_server(e, top, err) < 0 ||
		text(top, "", "clientCa", &e->client_ca, err) < 0 ||
		list(top, "", "clientPins", is_pin, "pin (SHA256: and 64 hex digits)",
			&e->client_pins, err) < 0 ||
		parse_callback(&e->callback, top, err) < 0 || parse_network(e, top, err) < 0)
		return -1;
	if (e->client_pins && !e->client_pins[0])
		return invalid(err,
			"field \"clientPins\" is empty: leave it out to obey all clients of "
			"\"clientCa\"");
	if (!e->client_ca)
		return invalid(err, "field \"clientCa\" is missing: the agent would obey nobody");
	if (check_pem(e->client_ca, "clientCa", err) < 0)
		return -1;
	*ret = TAKE_PTR(e);
	return 0;
}
