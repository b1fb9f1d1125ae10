/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "export-request.h"

#include <string.h>
#include <strings.h>

#include "export-fields.h"
#include "filename.h"
#include "jsonx.h"
#include "mem.h"

#define DEFAULT_TIMEOUT 7200 /* facts/ips 1.1 */

struct parser {
	struct export_request *r;
	const char *seen[EXPORT_FIELDS_MAX]; /* the key that gave each field; NULL: absent */
};

static void add_warning(struct export_request *r, const char *code, char *message)
{
	json_t *w = json_object();
	jsonx_set_string(w, "code", code);
	jsonx_set_string(w, "message", message);
	json_array_append_new(r->warnings, w);
	free(message);
}

static int unknown(const char *parent, const char *key, struct error **err)
{
	err_set(err, ERR_UNKNOWN_FIELD, "unknown field \"%s%s\"", parent, key);
	const char *close = export_field_suggest(parent, key);
	if (close)
		err_hint(err, "did you mean \"%s%s\"?", parent, close);
	return -1;
}

static int set_choice(const struct export_field *f, const char *path, const char *text,
	void *member, struct error **err)
{
	CLEANUP_FREE char *list = xstrdup("");
	for (const struct field_choice *c = f->choices; c->name; c++) {
		if (strcasecmp(c->name, text) == 0) {
			*(int *)member = c->value;
			return 0;
		}
		char *longer = xasprintf("%s%s%s", list, *list ? ", " : "", c->name);
		free(list);
		list = longer;
	}
	return err_set(
		err, ERR_INVALID_FIELD, "field \"%s\" is \"%s\" (%s expected)", path, text, list);
}

/* value has the field's type already. */
static int set_member(struct export_request *r, const struct export_field *f, const char *path,
	json_t *value, struct error **err)
{
	void *member = (char *)r + f->offset;
	const char *text = json_string_value(value);
	switch (f->type) {
	case FIELD_STRING:
		*(char **)member = xstrdup(text);
		return 0;
	case FIELD_BOOL:
		*(bool *)member = json_is_true(value) || (text && strcasecmp(text, "true") == 0);
		return 0;
	case FIELD_NUMBER:
		*(unsigned *)member = (unsigned)json_integer_value(value);
		return 0;
	case FIELD_CHOICE:
		return set_choice(f, path, text, member, err);
	case FIELD_OBJECT:
		*(json_t **)member = json_incref(value);
		return 0;
	case FIELD_PORT:
	case FIELD_STRINGS:
		break;
	}
	return err_set(err, ERR_INTERNAL, "field \"%s\" has no place", path);
}

static int parse_object(
	struct parser *p, const char *parent, const json_t *object, struct error **err);

static int take_field(struct parser *p, const struct export_field *f, const char *path,
	json_t *value, struct error **err)
{
	if (f->who != FIELD_FOREIGN && export_field_check(f, path, value, err) < 0)
		return -1;
	switch (f->who) {
	case FIELD_OURS:
		if (strcmp(f->name, "outputStorageLocation") == 0)
			return parse_object(p, "outputStorageLocation.", value, err);
		return set_member(p->r, f, path, value, err);
	case FIELD_APPLIANCE:
		json_array_append_new(p->r->ignored, json_string(path));
		return 0;
	case FIELD_WARNED:
		add_warning(p->r, "field-ignored",
			xasprintf("field \"%s\" is ignored: %s", path, f->note));
		return 0;
	case FIELD_FOREIGN:
		break;
	}
	return err_set(
		err, ERR_UNKNOWN_FIELD, "field \"%s\" is none of an export: %s", path, f->note);
}

static int parse_object(
	struct parser *p, const char *parent, const json_t *object, struct error **err)
{
	const char *key;
	json_t *value;
	json_object_foreach ((json_t *)object, key, value) {
		const struct export_field *f = export_field_find(parent, key);
		if (!f)
			return unknown(parent, key, err);
		const char **seen = &p->seen[export_field_index(f)];
		if (*seen)
			return err_set(err, ERR_INVALID_FIELD,
				"field \"%s\" is given twice: as \"%s\" and as \"%s%s\"", f->name,
				*seen, parent, key);
		*seen = key;
		if (json_is_null(value) && f->who != FIELD_FOREIGN)
			continue;
		CLEANUP_FREE char *path = xasprintf("%s%s", parent, key);
		if (take_field(p, f, path, value, err) < 0)
			return -1;
	}
	return 0;
}

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
	return p->seen[export_field_index(export_field_find("", name))] != NULL;
}

static bool given_in_location(const struct parser *p, const char *name)
{
	return p->seen[export_field_index(export_field_find("outputStorageLocation.", name))] !=
	       NULL;
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
	if (given_in_location(p, "credentialId"))
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
			add_warning(r, "file-name-extension",
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
		add_warning(r, "location-scheme",
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
		add_warning(r, "block-size-ignored",
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
	struct parser p = {.r = r};
	if (parse_object(&p, "", body, err) < 0 || check_request(&p, flags, err) < 0)
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
