/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The body of a preparation: whatever the bytes, an error or a request that keeps its promises. */
#include <assert.h>
#include <string.h>

#include "jsonx.h"
#include "prepare-request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_promises(const struct prepare_body *r, unsigned flags)
{
	assert(r->target && *r->target && strcmp(r->target, "virtualbox") != 0);
	assert(r->needs_first_boot && r->packs);
	assert(!r->controllers || !r->site_guid);
	assert(!r->controllers || r->controllers[0]);
	assert(!r->md5_hash || strlen(r->md5_hash) == 32);
	assert(r->md5_hash || !r->disk_size);
	assert(!r->root || (r->root[0] == '\\' && r->root[1] && !strchr(r->root, '/')));
	assert(r->timeout >= 1 && r->timeout <= 604800);
	for (char **p = r->packs; *p; p++)
		assert(**p && ((flags & PREPARE_REQUEST_LOCAL) || !strchr(*p, '/')));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct error *err CLEANUP_ERR = NULL;
	CLEANUP_JSON json_t *body = NULL;
	if (size < 1 || jsonx_parse((const char *)data + 1, size - 1, &body, &err) < 0)
		return 0;
	struct prepare_body *r = NULL;
	unsigned flags = data[0] & PREPARE_REQUEST_LOCAL;
	if (prepare_request_parse(body, flags, &r, &err) == 0)
		check_promises(r, flags);
	else
		assert(err && err_code_class(err->code) == ERR_CLASS_USAGE);
	prepare_request_free(r);
	return 0;
}
