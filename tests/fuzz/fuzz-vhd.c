/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A hostile VHD: probed, checked, opened and read at both ends, as it is and with its checksums put
 * right, so that the fuzzer gets past them.
 */
#include <stdlib.h>
#include <string.h>

#include "mem.h"
#include "vhd-format.h"
#include "vhd.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int parent_pread(void *data, void *buf, size_t len, uint64_t offset, struct error **err)
{
	(void)data, (void)offset, (void)err;
	memset(buf, 0x55, len);
	return 0;
}

static int parent_ranges(
	void *data, uint64_t start, uint64_t end, struct ranges *ret, struct error **err)
{
	(void)data, (void)err;
	ranges_add(ret, start, end);
	return 0;
}

static void read_ends(struct vhd *v)
{
	CLEANUP_RANGES struct ranges ranges = {0};
	CLEANUP_ERR struct error *err = NULL;
	char buf[8192];
	uint64_t size = vhd_info(v)->virtual_size;
	size_t n = (size_t)min_u64(size, sizeof(buf));
	if (vhd_pread(v, buf, n, 0, &err) == 0 && vhd_pread(v, buf, n, size - n, &err) == 0)
		vhd_data_ranges(v, 0, size, &ranges, &err);
	if (ranges.n && ranges.v[ranges.n - 1].end > size)
		abort();
}

/* Opens it a second time where it needs a parent. */
static void open_and_read(struct io *io)
{
	CLEANUP_ERR struct error *err = NULL;
	CLEANUP(vhd_close_p) struct vhd *v = NULL, *with_parent = NULL;
	if (vhd_open(&v, io, VHD_OPEN_NO_PARENT, NULL, &err) < 0)
		return;
	struct image_parent parent = {.pread = parent_pread,
		.data_ranges = parent_ranges,
		.size = vhd_info(v)->virtual_size / 2,
		.id = vhd_info(v)->parent_id};
	if (vhd_open(&with_parent, io, 0, &parent, &err) < 0)
		abort();
	read_ends(with_parent);
}

static void run(const uint8_t *data, size_t size)
{
	CLEANUP(io_close_p) struct io *io = io_from_memory(data, size, "fuzz");
	CLEANUP(findings_done) struct findings findings = {0};
	CLEANUP_ERR struct error *err = NULL;
	bool found = vhd_probe(io);
	if (vhd_check(io, &findings, &err) < 0 || (!found && !findings_have_errors(&findings)))
		abort();
	open_and_read(io);
}

static void put_checksums_right(uint8_t *data, size_t size)
{
	struct vhd_footer *start = (struct vhd_footer *)data;
	struct vhd_footer *end = (struct vhd_footer *)(data + size - sizeof(*end));
	uint64_t offset = be64_get(start->data_offset);
	if (u64_range_ok(offset, sizeof(struct vhd_header), size)) {
		struct vhd_header *h = (struct vhd_header *)(data + offset);
		h->checksum = be32_make(vhd_header_checksum(h));
	}
	start->checksum = be32_make(vhd_footer_checksum(start));
	end->checksum = be32_make(vhd_footer_checksum(end));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	run(data, size);
	if (size < sizeof(struct vhd_footer))
		return 0;
	CLEANUP_FREE uint8_t *copy = xmemdup(data, size);
	put_checksums_right(copy, size);
	run(copy, size);
	return 0;
}
