/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The file id and the two headers: [MS-VHDX] 2.2.1 and 2.2.2. */
#include <inttypes.h>
#include <string.h>

#include "crc32c.h"
#include "utf16.h"
#include "vhdx-internal.h"

#define SIGNATURE "vhdxfile"

bool vhdx_probe(struct io *io)
{
	struct error *err = NULL;
	char signature[8];
	if (io_pread(io, signature, sizeof(signature), 0, &err) < 0) {
		err_free(err);
		return false;
	}
	return memcmp(signature, SIGNATURE, sizeof(signature)) == 0;
}

/* text's beginning that fits, whole characters, with '?' for what a terminal would act on. */
static void copy_printable(char *ret, size_t size, const char *text)
{
	size_t n = strnlen(text, size - 1);
	while (n && ((uint8_t)text[n] & 0xc0) == 0x80)
		n--;
	for (size_t i = 0; i < n; i++)
		ret[i] = (uint8_t)text[i] < ' ' || text[i] == 0x7f ? '?' : text[i];
	ret[n] = '\0';
}

int vhdx_read_file_id(struct io *io, char creator[static 64], struct error **err)
{
	struct vhdx_file_id id;
	if (io_pread(io, &id, sizeof(id), 0, err) < 0)
		return -1;
	if (memcmp(id.signature, SIGNATURE, sizeof(id.signature)) != 0)
		return err_set(err, ERR_IMAGE_CORRUPT,
			"\"%s\" is no VHDX (\"" SIGNATURE "\" expected at its start)", io->name);
	CLEANUP_FREE char *text = utf16_to_utf8(id.creator, sizeof(id.creator) / 2);
	copy_printable(creator, 64, text);
	return 0;
}

static uint32_t header_checksum(const struct vhdx_header *h)
{
	struct vhdx_header copy = *h;
	copy.checksum = le32_make(0);
	return crc32c(0, &copy, sizeof(copy));
}

void vhdx_seal_header(struct vhdx_header *h)
{
	h->checksum = le32_make(header_checksum(h));
}

int vhdx_read_header(struct io *io, uint64_t offset, struct vhdx_header *ret, struct error **err)
{
	struct vhdx_header h;
	if (io_pread(io, &h, sizeof(h), offset, err) < 0)
		return -1;
	if (memcmp(h.signature, "head", 4) != 0)
		return err_set(err, ERR_IMAGE_CORRUPT,
			"\"%s\": no header at 0x%" PRIx64 " (\"head\" expected)", io->name, offset);
	uint32_t checksum = header_checksum(&h);
	if (le32_get(h.checksum) != checksum)
		return err_set(err, ERR_IMAGE_CORRUPT,
			"\"%s\": header at 0x%" PRIx64 ": checksum 0x%08" PRIx32 " (0x%08" PRIx32
			" expected)",
			io->name, offset, le32_get(h.checksum), checksum);
	*ret = h;
	return 0;
}

int vhdx_check_header(const struct vhdx_header *h, uint64_t file_size, struct error **err)
{
	uint64_t offset = le64_get(h->log_offset), length = le32_get(h->log_length);
	if (le16_get(h->version) != 1)
		return err_set(err, ERR_IMAGE_UNSUPPORTED,
			"header: VHDX version %" PRIu16 " (1 expected)", le16_get(h->version));
	if (offset % VHDX_UNIT || length % VHDX_UNIT || offset > VHDX_FILE_MAX ||
		(length && offset < VHDX_UNIT))
		return err_set(err, ERR_IMAGE_CORRUPT,
			"header: log of %" PRIu64 " bytes at 0x%" PRIx64
			" (whole MiB from 1 MiB on expected)",
			length, offset);
	if (!vhdx_log_is_dirty(h))
		return 0;
	if (le16_get(h->log_version) != 0)
		return err_set(err, ERR_IMAGE_UNSUPPORTED,
			"header: log version %" PRIu16 " (0 expected)", le16_get(h->log_version));
	if (!length || !u64_range_ok(offset, length, file_size))
		return err_set(err, ERR_IMAGE_CORRUPT,
			"header: log of %" PRIu64 " bytes at 0x%" PRIx64
			" is to be replayed and lies past the end of the file (%" PRIu64 " bytes)",
			length, offset, file_size);
	return 0;
}

/* Index of the newer of two headers, of which at least one is valid. */
static int newer(const struct vhdx_header *h, const bool *valid, struct error **err)
{
	uint64_t a = le64_get(h[0].sequence), b = le64_get(h[1].sequence);
	if (!valid[0] || !valid[1])
		return valid[0] ? 0 : 1;
	if (a == b && memcmp(&h[0], &h[1], sizeof(*h)) != 0)
		return err_set(err, ERR_IMAGE_CORRUPT,
			"both headers have sequence number %" PRIu64 " and differ", a);
	return a >= b ? 0 : 1;
}

int vhdx_current_header(
	struct io *io, struct vhdx_header *ret, uint64_t *ret_offset, struct error **err)
{
	static const uint64_t offsets[2] = {VHDX_HEADER1, VHDX_HEADER2};
	struct vhdx_header h[2];
	bool valid[2];
	CLEANUP_ERR struct error *first = NULL, *second = NULL;
	valid[0] = vhdx_read_header(io, offsets[0], &h[0], &first) == 0;
	valid[1] = vhdx_read_header(io, offsets[1], &h[1], &second) == 0;
	if (!valid[0] && !valid[1]) {
		err_move(err, &first);
		return err_prefix(err, "neither header is valid");
	}
	int i = newer(h, valid, err);
	if (i < 0 || vhdx_check_header(&h[i], io->size, err) < 0)
		return err_prefix(err, "\"%s\"", io->name);
	*ret = h[i];
	*ret_offset = offsets[i];
	return 0;
}
