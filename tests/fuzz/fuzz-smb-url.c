/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any text: no crash; what is accepted holds only names Windows takes, and survives being put together. */
#include <assert.h>
#include <string.h>

#include "filename.h"
#include "mem.h"
#include "smb-url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_name(const char *name)
{
	struct error *err = NULL;
	assert(file_name_check(name, &err) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP_FREE char *text = xstrndup((const char *)data, size);
	struct smb_url url, again;
	CLEANUP_ERR struct error *err = NULL;
	if (smb_url_parse(text, &url, &err) < 0)
		return 0;
	assert(url.port && *url.host);
	check_name(url.share);
	check_name(url.name);
	CLEANUP_FREE char *location = xasprintf("smb://h/s");
	CLEANUP_FREE char *joined = smb_url_append(location, url.name);
	assert(smb_url_parse(joined, &again, &err) == 0 && strcmp(again.name, url.name) == 0);
	smb_url_done(&again);
	smb_url_done(&url);
	return 0;
}
