/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The ids and the date of a new image, where they are not to be by chance: the same seed, format and date
 * give the same file. Who seeds two different disks alike makes two disks that claim to be one.
 */
#include <string.h>

#include "image.h"
#include "mem.h"
#include "sha256.h"
#include "worker.h"

#define VHD_EPOCH UINT64_C(946684800) /* 2000-01-01T00:00:00Z */

/* A version 8 GUID (RFC 9562) of what and the seed. */
static int derive(const char *seed, const char *what, const char *format, struct guid *ret,
	struct error **err)
{
	CLEANUP(sha256_free_p) struct sha256 *h = NULL;
	CLEANUP_FREE char *text = xasprintf("%s %s %s", format, what, seed);
	char hex[SHA256_HEX_SIZE];
	if (sha256_new(&h, err) < 0 || sha256_add(h, text, strlen(text), err) < 0)
		return -1;
	sha256_end(h, hex);
	CLEANUP_FREE char *id = xasprintf(
		"%.8s-%.4s-8%.3s-8%.3s-%.12s", hex, hex + 8, hex + 12, hex + 15, hex + 18);
	return guid_parse(id, ret) ? 0 : err_set(err, ERR_INTERNAL, "\"%s\" is no GUID", id);
}

int worker_seed_image(const struct worker *w, struct image_options *o, struct error **err)
{
	const char *format = image_format_name(o->format);
	if (w->date)
		o->timestamp = w->date > VHD_EPOCH ? (uint32_t)(w->date - VHD_EPOCH) : 1;
	if (!w->seed)
		return 0;
	return derive(w->seed, "file", format, &o->file_id, err) < 0 ||
			       derive(w->seed, "data", format, &o->data_id, err) < 0 ||
			       derive(w->seed, "disk", format, &o->disk_id, err) < 0
		       ? -1
		       : 0;
}
