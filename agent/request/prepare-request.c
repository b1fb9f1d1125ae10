/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "prepare-request.h"

#include <string.h>
#include <strings.h>

#include "mem.h"
#include "prepare-fields.h"
#include "prepare-vda.h"
#include "request-parse.h"

#define DEFAULT_TIMEOUT 7200 /* facts/ips 1.1 */
#define PACKS_MAX	64

const char *const prepare_platforms[] = {
	"vsphere", "hyperv", "azure", "aws", "gcp", "ahv", "xen", "kvm", "virtualbox", NULL};

struct parser {
	struct prepare_fields f;
	struct prepare_body *r;
	struct request_parser fields;
};

static void parser_done(struct parser *p)
{
	struct prepare_fields *f = &p->f;
	char *const texts[] = {f->target, f->platform, f->source, f->root, f->md5_hash, f->network,
		f->install_pvs, f->disk_id, f->ce_vm_sku};
	json_t *const values[] = {f->misa, f->mcsio, f->xd_reconfigure, f->packs, f->tags};
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		free(texts[i]);
	for (size_t i = 0; i < ARRAY_SIZE(values); i++)
		json_decref(values[i]);
}

/* An empty string says nothing that absence does not. */
static const char *or_absent(const char *s)
{
	return s && *s ? s : NULL;
}

/* ---- platforms ---- */

static int find_platform(
	const char *field, const char *name, bool target, const char **ret, struct error **err)
{
	CLEANUP_FREE char *list = xstrdup("");
	for (const char *const *p = prepare_platforms; *p; p++) {
		/* VirtualBox can be left, not gone to. */
		if (target && strcmp(*p, "virtualbox") == 0)
			continue;
		if (strcasecmp(*p, name) == 0) {
			*ret = *p;
			return 0;
		}
		char *longer = xasprintf("%s%s%s", list, *list ? ", " : "", *p);
		free(list);
		list = longer;
	}
	return err_set(err, ERR_UNKNOWN_PLATFORM, "field \"%s\" is \"%.64s\" (%s expected)", field,
		name, list);
}

/* "platform" is the public API's name for it, "target" ours. */
static int check_platforms(struct parser *p, struct error **err)
{
	const char *target = or_absent(p->f.target), *platform = or_absent(p->f.platform);
	const char *other = NULL;
	if (!target && !platform)
		return err_set(
			err, ERR_MISSING_FIELD, "field \"platform\" (or \"target\") is missing");
	if (find_platform(target ? "target" : "platform", target ? target : platform, true,
		    &p->r->target, err) < 0)
		return -1;
	if (target && platform && find_platform("platform", platform, true, &other, err) < 0)
		return -1;
	if (other && other != p->r->target)
		return err_set(err, ERR_INVALID_FIELD,
			"field \"platform\" is \"%s\" and field \"target\" is \"%s\": give one of the two",
			platform, target);
	if (!or_absent(p->f.source))
		return 0;
	return find_platform("source", p->f.source, false, &p->r->source, err);
}

/* ---- single fields ---- */

/* "\\Windows", or with the number of its partition "3:\\Windows". "C:" is the disk's business, not the path's. */
static int check_root(struct parser *p, struct error **err)
{
	const char *root = or_absent(p->f.root);
	if (!root)
		return 0;
	size_t digits = strspn(root, "0123456789");
	const char *folder = digits && root[digits] == ':' ? root + digits + 1 : root;
	int prefix = (int)(folder - root);
	p->r->root = xasprintf(
		"%.*s%s%s", prefix, root, *folder == '\\' || *folder == '/' ? "" : "\\", folder);
	char *path = p->r->root + prefix;
	for (char *c = path; *c; c++)
		if (*c == '/')
			*c = '\\';
	size_t len = strlen(path);
	if (len > 1 && path[len - 1] == '\\')
		path[len - 1] = '\0';
	if (!path[1] || strpbrk(path, ":*?\"<>|") || strstr(path, "\\\\") || strstr(path, "\\.."))
		return err_set(err, ERR_INVALID_FIELD,
			"field \"root\" is \"%.200s\" (a folder like \"\\Windows\" expected)",
			root);
	return 0;
}

static int check_md5(struct parser *p, struct error **err)
{
	const char *hash = or_absent(p->f.md5_hash);
	if (!hash && p->f.disk_size)
		return err_set(err, ERR_INVALID_FIELD,
			"field \"diskSizeBytes\" stands without \"md5Hash\", which it belongs to");
	if (!hash)
		return 0;
	if (strlen(hash) != 32 || strspn(hash, "0123456789abcdefABCDEF") != 32)
		return err_set(err, ERR_INVALID_FIELD,
			"field \"md5Hash\" is \"%.64s\" (32 hexadecimal digits expected)", hash);
	p->r->md5_hash = xstrdup(hash);
	p->r->disk_size = p->f.disk_size;
	return 0;
}

/* The public API has a "network" too: the one a XenServer's worker VM is attached to. */
static int check_network(struct parser *p, struct error **err)
{
	const char *network = or_absent(p->f.network);
	if (!network)
		return 0;
	if (strcasecmp(network, "keep") == 0)
		p->r->network = PREPARE_NETWORK_KEEP;
	else if (strcasecmp(network, "dhcp") == 0)
		p->r->network = PREPARE_NETWORK_DHCP;
	if (p->r->network != PREPARE_NETWORK_UNSAID)
		return 0;
	if (!request_given(&p->fields, "", "xenHost"))
		return err_set(err, ERR_INVALID_FIELD,
			"field \"network\" is \"%.64s\" (keep, dhcp expected)", network);
	json_array_append_new(p->r->ignored, json_string("network"));
	return 0;
}

static int check_packs(struct parser *p, unsigned flags, struct error **err)
{
	size_t n = json_array_size(p->f.packs);
	if (n > PACKS_MAX)
		return err_set(err, ERR_INVALID_FIELD, "field \"packs\" has %zu items (%d at most)",
			n, PACKS_MAX);
	p->r->packs = xcalloc(n + 1, sizeof(*p->r->packs));
	for (size_t i = 0; i < n; i++) {
		const char *name = json_string_value(json_array_get(p->f.packs, i));
		p->r->packs[i] = xstrdup(name);
		if (!*name || strlen(name) > 4096 ||
			(!(flags & PREPARE_REQUEST_LOCAL) && strchr(name, '/')))
			return err_set(err, ERR_INVALID_FIELD,
				"field \"packs\" has \"%.64s\" (the name of a pack expected)",
				name);
	}
	return 0;
}

int prepare_request_parse(
	const json_t *body, unsigned flags, struct prepare_body **ret, struct error **err)
{
	CLEANUP(prepare_request_free_p) struct prepare_body *r = xcalloc(1, sizeof(*r));
	CLEANUP(parser_done) struct parser p = {.r = r, .f.timeout = DEFAULT_TIMEOUT};
	r->ignored = json_array();
	r->warnings = json_array();
	p.fields = (struct request_parser){.table = &prepare_table,
		.request = &p.f,
		.ignored = r->ignored,
		.warnings = r->warnings};
	if (request_parse(&p.fields, body, err) < 0 || check_platforms(&p, err) < 0 ||
		check_root(&p, err) < 0 || check_md5(&p, err) < 0 || check_network(&p, err) < 0 ||
		check_packs(&p, flags, err) < 0 || prepare_vda_parse(&p.f, r, err) < 0)
		return -1;
	if (p.f.disk_id && !*p.f.disk_id)
		return err_set(err, ERR_INVALID_FIELD, "field \"disk\" is empty");
	if (p.f.ce_vm_sku)
		json_array_append_new(r->ignored, json_string("ceVmSku"));
	r->pagefile = (enum prepare_pagefile)p.f.pagefile;
	r->enable_rdp = p.f.enable_rdp;
	r->strict = p.f.strict;
	r->discard_hibernation = p.f.discard_hibernation;
	r->disk_id = TAKE_PTR(p.f.disk_id);
	r->tags = TAKE_PTR(p.f.tags);
	r->timeout = p.f.timeout;
	*ret = TAKE_PTR(r);
	return 0;
}

static void free_list(char **list)
{
	for (char **p = list; p && *p; p++)
		free(*p);
	free(list);
}

void prepare_request_free(struct prepare_body *r)
{
	if (!r)
		return;
	free(r->root);
	free(r->md5_hash);
	free(r->site_guid);
	free(r->disk_id);
	free_list(r->controllers);
	free_list(r->needs_first_boot);
	free_list(r->packs);
	json_decref(r->tags);
	json_decref(r->ignored);
	json_decref(r->warnings);
	free(r);
}
