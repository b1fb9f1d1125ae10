/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "worker-artifacts.h"

#include <stdio.h>

#include "jsonx.h"

static void set_hex(json_t *o, const char *key, const uint8_t *bytes, size_t n)
{
	char hex[2 * 32 + 1];
	for (size_t i = 0; i < n; i++)
		snprintf(hex + 2 * i, 3, "%02x", bytes[i]);
	jsonx_set_string(o, key, hex);
}

void artifacts_set_hashes(json_t *o, const struct copy_result *result)
{
	if (result->have_md5)
		set_hex(o, "md5Hash", result->md5, sizeof(result->md5));
	if (result->have_sha256)
		set_hex(o, "sha256Hash", result->sha256, sizeof(result->sha256));
}

void artifacts_set_copy(json_t *o, const struct copy_result *result)
{
	jsonx_set_u64(o, "bytesRead", result->bytes_read);
	jsonx_set_u64(o, "bytesWritten", result->bytes_written);
	jsonx_set_u64(o, "bytesResumed", result->bytes_resumed);
	jsonx_set_u64(o, "zeroBytes", result->zero_bytes);
}

static void set_guid(json_t *o, const char *key, const struct guid *g)
{
	char text[GUID_STRING_SIZE];
	guid_format(g, text);
	jsonx_set_string(o, key, text);
}

static json_t *identifiers(const struct image_options *o)
{
	json_t *ids = json_object();
	if (o->format == IMAGE_RAW)
		return ids;
	set_guid(ids, "fileId", &o->file_id);
	if (o->format == IMAGE_VHDX) {
		set_guid(ids, "dataId", &o->data_id);
		set_guid(ids, "diskId", &o->disk_id);
	}
	return ids;
}

void artifacts_set_output(json_t *o, const struct export_request *r, const struct layout *l)
{
	const struct image_options *image = layout_options(l);
	jsonx_set_string(o, "location", r->location);
	jsonx_set_string(o, "file", r->location ? r->file_name : r->output_file);
	jsonx_set_string(o, "format", image_format_name(image->format));
	jsonx_set_string(o, "type", image_type_name(image->type));
	jsonx_set_u64(o, "virtualSizeBytes", layout_virtual_size(l));
	jsonx_set_u64(o, "fileSizeBytes", layout_length(l));
	jsonx_set_u64(o, "sourceSizeBytes", layout_disk_size(l));
	jsonx_set_u64(o, "blockSize", image->block_size);
	jsonx_set(o, "identifiers", identifiers(image));
}
