/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A request body: whatever the bytes, an error or a request that keeps its promises. */
#include <assert.h>
#include <string.h>

#include "export-request.h"
#include "filename.h"
#include "jsonx.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_promises(const struct export_request *r)
{
	struct error *err = NULL;
	assert(!r->location != !r->output_file);
	assert(!r->location == !r->file_name);
	if (r->location) {
		char *again = NULL;
		bool old_scheme;
		assert(export_location_parse(r->location, &again, &old_scheme, &err) == 0);
		assert(strcmp(again, r->location) == 0 && !old_scheme);
		assert(file_name_check(r->file_name, &err) == 0);
		free(again);
	}
	assert(!r->user == !r->password);
	assert(r->timeout >= 1 && r->timeout <= 604800);
}

static void check_redacted(const json_t *body)
{
	CLEANUP_JSON json_t *shown = export_request_redact(body);
	json_t *location = jsonx_get(shown, "outputStorageLocation");
	const char *password = json_string_value(jsonx_get(location, "password"));
	assert(!password || strcmp(password, "***") == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct error *err CLEANUP_ERR = NULL;
	CLEANUP_JSON json_t *body = NULL;
	if (size < 1 || jsonx_parse((const char *)data + 1, size - 1, &body, &err) < 0)
		return 0;
	struct export_request *r = NULL;
	if (export_request_parse(body, data[0] & EXPORT_REQUEST_LOCAL, &r, &err) == 0)
		check_promises(r);
	else
		assert(err && err_code_class(err->code) == ERR_CLASS_USAGE);
	export_request_free(r);
	check_redacted(body);
	export_request_wipe(body);
	return 0;
}
