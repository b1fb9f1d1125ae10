/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The enrolment document: who this worker is and whom it obeys. An appliance hands it over when it creates
 * the VM, through whatever its platform offers (source.h). One JSON object; docs/operations/enrolment.md
 * documents the fields. It holds a private key: it is never logged, and wiped when freed.
 */
#pragma once

#include <jansson.h>
#include <stdint.h>

#include "errors.h"

#define ENROLMENT_SIZE_MAX (256u << 10) /* bytes of the document */
#define CALLBACK_URL_MAX   2000

/* Where "ready" and "job ended" are reported; url NULL: nowhere. How its certificate is judged: by the CA,
 * or by a fingerprint, with or without the host's name (the options of facts ips 3.13). */
struct callback {
	char *url;    /* https:// */
	char *ca;     /* PEM; NULL: only the fingerprint counts */
	char *sha256; /* 64 hex digits, lower case; or NULL */
	char *sha1;   /* 40 hex digits; or NULL */
	bool no_host_name_check;
};

struct network_interface {
	char *mac; /* "52:54:00:12:34:56", lower case; NULL: every adapter */
	bool dhcp;
	char **addresses; /* "192.0.2.5/24", "2001:db8::5/64"; NULL-terminated, or NULL */
	char **gateways, **dns;
};

struct enrolment {
	char *certificate, *key; /* PEM; NULL: the worker makes its own */
	bool own_certificate;	 /* that it made */
	char *client_ca;	 /* PEM, whoever chains to it may connect */
	char **client_pins;	 /* "SHA256:…"; NULL-terminated, or NULL */
	struct callback callback;
	struct network_interface *interfaces;
	size_t n_interfaces;
};

/* ERR_ENROLMENT_INVALID names the field; also where key and certificate do not belong together. */
int enrolment_parse(const char *text, size_t len, struct enrolment **ret, struct error **err);
void enrolment_free(struct enrolment *e);
DEFINE_CLEANUP(struct enrolment *, enrolment_free);

/*
 * Writes what the agent starts from into a folder (made 0700): agent.json, server.pem, server.key,
 * client-ca.pem, callback.json; and the adapters as systemd-networkd's files into network_dir (NULL: not).
 * All or nothing visible: agent.json is written last.
 */
int enrolment_write(
	const struct enrolment *e, const char *dir, const char *network_dir, struct error **err);
/* Instead: the certificate and key, and an agent.json that has the agent wait to be paired. A document that
 * is written later overwrites none of them but agent.json. */
int enrolment_write_unpaired(const struct enrolment *own, const char *dir, struct error **err);
/* identity.json, what the console shows: where the document is from, the certificate's fingerprint, the
 * code to pair with and what is wrong; each but the certificate may be NULL. */
int identity_write(const char *dir, const char *source, const char *certificate,
	const char *pairing_code, const struct error *problem, struct error **err);
/* The networkd file of one interface; the caller frees. */
char *enrolment_network_file(const struct network_interface *i);

/* https://HOST[:PORT][/…]: its port. ERR_ENROLMENT_INVALID; also where it holds a user or a fragment. */
int callback_url_port(const char *url, uint16_t *ret, struct error **err);

/* A key (P-256) and a certificate signed by itself, for ten years; fills both of the enrolment. */
int enrolment_self_signed(struct enrolment *e, const char *host_name, struct error **err);
/* Whether the other side may take it: its extended key usage, where it has one, has this purpose (GNUTLS_KP_TLS_…). */
bool certificate_is_for(const char *pem, const char *purpose);
/* "SHA256:ab…" of the PEM certificate's DER form; the caller frees. */
int certificate_fingerprint(const char *pem, char **ret, struct error **err);
