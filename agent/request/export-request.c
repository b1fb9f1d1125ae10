/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "export-request.h"

#include <string.h>
#include <strings.h>

#include "export-fields.h"
#include "filename.h"
#include "mem.h"
#include "request-parse.h"

#define DEFAULT_TIMEOUT 7200 /* facts/ips 1.1 */

struct parser {
	struct export_request *r;
	struct request_parser fields;
};

/* An empty string says nothing that absence does not. */
static void drop_empty(char **s)
{
	if (*s && !**s) {
		free(*s);
		*s = NULL;
	}
}

static bool given(const struct parser *p, const char *name)
{
	return request_given(&p->fields, "", name);
}

/* "DOMAIN\user", as people write it, in one field. */
static void split_user(struct export_request *r)
{
	char *slash = r->user ? strchr(r->user, '\\') : NULL;
	if (!slash || r->domain)
		return;
	r->domain = xstrndup(r->user, (size_t)(slash - r->user));
	memmove(r->user, slash + 1, strlen(slash + 1) + 1);
}

static int check_credentials(const struct parser *p, struct error **err)
{
	struct export_request *r = p->r;
	drop_empty(&r->user);
	drop_empty(&r->domain);
	split_user(r);
	if (r->user && r->password)
		return 0;
	if (request_given(&p->fields, "outputStorageLocation.", "credentialId"))
		return err_set(err, ERR_CREDENTIALS_UNRESOLVED,
			"outputStorageLocation has a credentialId but not the %s behind it",
			r->user ? "password" : "user and password");
	if (r->user)
		return err_set(err, ERR_MISSING_FIELD,
			"field \"outputStorageLocation.password\" is missing");
	if (r->password || r->domain)
		return err_set(
			err, ERR_MISSING_FIELD, "field \"outputStorageLocation.user\" is missing");
	return 0;
}

static const char *extension(enum image_format format)
{
	switch (format) {
	case IMAGE_VHDX:
		return ".vhdx";
	case IMAGE_VHD:
		return ".vhd";
	case IMAGE_RAW:
		break;
	}
	return ".raw";
}

static bool ends_with(const char *text, const char *end)
{
	size_t n = strlen(text), m = strlen(end);
	return n > m && strcasecmp(text + n - m, end) == 0;
}

/* The public API's examples name a file without an extension; one that fits is not doubled. */
static int complete_file_name(struct export_request *r, struct error **err)
{
	if (file_name_check(r->file_name, err) < 0)
		return err_prefix(err, "field \"outputImageFilename\"");
	const char *ext = extension(r->image.format);
	if (ends_with(r->file_name, ext))
		return 0;
	for (enum image_format other = IMAGE_RAW; other <= IMAGE_VHDX; other++)
		if (ends_with(r->file_name, extension(other)))
			request_warn(r->warnings, "file-name-extension",
				xasprintf("the file is named \"%s%s\": its format is %s",
					r->file_name, ext, image_format_name(r->image.format)));
	char *full = xasprintf("%s%s", r->file_name, ext);
	free(r->file_name);
	r->file_name = full;
	if (file_name_check(r->file_name, err) < 0)
		return err_prefix(err, "field \"outputImageFilename\"");
	return 0;
}

static int check_share(struct parser *p, struct error **err)
{
	struct export_request *r = p->r;
	if (!r->location)
		return err_set(err, ERR_MISSING_FIELD,
			"field \"outputStorageLocation.location\" is missing");
	if (!r->file_name)
		return err_set(err, ERR_MISSING_FIELD, "field \"outputImageFilename\" is missing");
	bool old_scheme;
	char *location = NULL;
	if (export_location_parse(r->location, &location, &old_scheme, err) < 0)
		return -1;
	free(r->location);
	r->location = location;
	if (old_scheme)
		request_warn(r->warnings, "location-scheme",
			xasprintf("\"smbn://\" in the location is read as \"smb://\""));
	if (complete_file_name(r, err) < 0)
		return -1;
	return check_credentials(p, err);
}

/* A local file has no share's fields, and no name but its path. */
static int check_output_file(struct parser *p, struct error **err)
{
	struct export_request *r = p->r;
	if (r->location || r->file_name)
		return err_set(err, ERR_INVALID_FIELD,
			"field \"outputFile\" stands beside \"%s\": give one of the two",
			r->location ? "outputStorageLocation.location" : "outputImageFilename");
	if (!*r->output_file)
		return err_set(err, ERR_INVALID_FIELD, "field \"outputFile\" is empty");
	if (given(p, "outputImageFormat"))
		return 0;
	for (enum image_format f = IMAGE_RAW; f <= IMAGE_VHDX; f++)
		if (ends_with(r->output_file, extension(f)))
			r->image.format = f;
	if (ends_with(r->output_file, ".img"))
		r->image.format = IMAGE_RAW;
	return 0;
}

/* The image's own rules, on a copy: ids and time are filled in when the export begins. */
static int check_image(struct parser *p, struct error **err)
{
	struct export_request *r = p->r;
	struct image_options o = r->image;
	if (image_options_complete(&o, err) < 0) {
		(*err)->code = ERR_INVALID_FIELD;
		return -1;
	}
	if (given(p, "blockSize") &&
		(o.format == IMAGE_RAW || (o.format == IMAGE_VHD && o.type == IMAGE_FIXED)))
		request_warn(r->warnings, "block-size-ignored",
			xasprintf("a %s image has no blocks: blockSize is ignored",
				o.format == IMAGE_RAW ? "raw" : "fixed VHD"));
	return 0;
}

static int check_request(struct parser *p, unsigned flags, struct error **err)
{
	struct export_request *r = p->r;
	r->hash_sha256 = r->hash_md5;
	if (r->disk_id && !*r->disk_id)
		return err_set(err, ERR_INVALID_FIELD, "field \"disk\" is empty");
	if (r->output_file && !(flags & EXPORT_REQUEST_LOCAL))
		return err_set(err, ERR_INVALID_FIELD,
			"field \"outputFile\" is for local use only: an agent writes to a share");
	if (r->output_file ? check_output_file(p, err) < 0 : check_share(p, err) < 0)
		return -1;
	return check_image(p, err);
}

int export_request_parse(
	const json_t *body, unsigned flags, struct export_request **ret, struct error **err)
{
	CLEANUP(export_request_free_p) struct export_request *r = xcalloc(1, sizeof(*r));
	r->image.format = IMAGE_VHDX;
	r->timeout = DEFAULT_TIMEOUT;
	r->ignored = json_array();
	r->warnings = json_array();
	struct parser p = {.r = r,
		.fields = {.table = &export_table,
			.request = r,
			.ignored = r->ignored,
			.warnings = r->warnings}};
	if (request_parse(&p.fields, body, err) < 0 || check_request(&p, flags, err) < 0)
		return -1;
	*ret = TAKE_PTR(r);
	return 0;
}

void export_request_free(struct export_request *r)
{
	if (!r)
		return;
	free(r->location);
	free(r->output_file);
	free(r->file_name);
	free(r->user);
	free(r->domain);
	mem_wipe_str(r->password);
	free(r->disk_id);
	json_decref(r->tags);
	json_decref(r->ignored);
	json_decref(r->warnings);
	free(r);
}
