/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where an enrolment document comes from: what each platform offers to hand something to a VM that starts.
 * One row each in identity-sources.c, asked in that order; the first that has a document decides, be it
 * good or damaged: a worker never falls back to a second opinion on whom to obey.
 */
#pragma once

#include <stddef.h>

#include "enrolment.h"
#include "errors.h"
#include "vmware-rpci.h"

#define SOURCE_TEXT_MAX (2 * ENROLMENT_SIZE_MAX) /* base64 takes a third more */

/*
 * A machine asks what is within it first, so that its adapters are set up as the document says before the first
 * packet leaves; what takes the network, once there is one.
 */
enum source_reach { SOURCES_ALL, SOURCES_WITHIN, SOURCES_OUTSIDE };

/* Where to look; a test puts stand-ins in place. */
struct source_env {
	const char
		*credentials;	/* folder of systemd credentials, $CREDENTIALS_DIRECTORY; or NULL */
	const char *drives;	/* NULL: the machine's own; or a folder with one entry per label */
	const char *dmi;	/* /sys/class/dmi/id: says which platform it is */
	const char *link_local; /* "http://169.254.169.254": the metadata service of clouds */
	const char *hypervisor_type; /* /sys/hypervisor/type: "xen" */
	const char *xenbus;	     /* /dev/xen/xenbus */
	vmware_port *vmware;	     /* vmware_port_access */
	unsigned wait_ms;	     /* for a service that may not answer yet */
	enum source_reach reach;
};

struct source {
	const char *name; /* "config-drive"; in messages and on the console */
	bool outside;	  /* asked over the network */
	/* Whether this machine can have it, at no cost; NULL: always. */
	bool (*likely)(const struct source_env *env);
	/* 1 and a text that the caller wipes and frees; 0: there is none; errors: there is, but unreadable. */
	int (*fetch)(const struct source_env *env, char **ret, size_t *ret_len, struct error **err);
};

extern const struct source identity_sources[]; /* ends with a row without a name */

#define SOURCE_LATER \
	2 /* SOURCES_WITHIN: the next one in order is *ret_name, and takes the network */

/* Asks them in order. 1: *ret_name says which had it; 0: none has. */
int source_fetch(const struct source_env *env, const char **ret_name, char **ret, size_t *ret_len,
	struct error **err);

/* Of /sys/class/dmi/id: whether the file's text contains what; false where there is no such file. */
bool source_dmi_has(const struct source_env *env, const char *file, const char *what);

/* The document in a text that is it, or its base64. 1; 0: the text is empty; an error names what is neither. */
int source_decode(
	const char *what, const char *text, char **ret, size_t *ret_len, struct error **err);

/* The text in base64, for the caller to wipe and free; NULL: it is none, or of no text. */
char *source_base64(const char *text);

int source_credential(
	const struct source_env *env, char **ret, size_t *ret_len, struct error **err);
int source_drive(const struct source_env *env, char **ret, size_t *ret_len, struct error **err);
bool source_is_azure(const struct source_env *env);
int source_azure(const struct source_env *env, char **ret, size_t *ret_len, struct error **err);
int source_azure_custom_data(
	const struct source_env *env, char **ret, size_t *ret_len, struct error **err);
bool source_is_ec2(const struct source_env *env);
int source_ec2(const struct source_env *env, char **ret, size_t *ret_len, struct error **err);
bool source_is_gcp(const struct source_env *env);
int source_gcp(const struct source_env *env, char **ret, size_t *ret_len, struct error **err);
bool source_is_vmware(const struct source_env *env);
int source_vmware(const struct source_env *env, char **ret, size_t *ret_len, struct error **err);
bool source_is_xen(const struct source_env *env);
int source_xenstore(const struct source_env *env, char **ret, size_t *ret_len, struct error **err);
