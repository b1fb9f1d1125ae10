/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Writing to VHDX and VHD files that qemu-img made: after random writes qemu-img reads what was written and
 * finds no fault, and neither does our own check. A copy of the disk in memory is the oracle.
 */
#include "unit.h"

#include <fcntl.h>
#include <string.h>

#include "disk.h"
#include "io.h"
#include "mem.h"
#include "vhd.h"
#include "vhdx.h"

#define SIZE (40u << 20)

/* Writes of whole sectors here and there, across blocks too; then everything is read back. */
static void scribble(struct disk *d, uint8_t *mirror, unsigned writes)
{
	CLEANUP_FREE uint8_t *buf = xmalloc(3u << 20);
	for (unsigned i = 0; i < writes; i++) {
		size_t len = 512 * (1 + (size_t)rand() % (i % 10 == 0 ? 5000 : 20));
		uint64_t at = (uint64_t)rand() % (SIZE / 512) * 512;
		if (len > SIZE - at)
			len = SIZE - at;
		memset(buf, 1 + rand() % 255, len);
		memcpy(mirror + at, buf, len);
		ck_ok(disk_pwrite(d, buf, len, at, &err));
	}
	ck_ok(disk_flush(d, &err));
}

static void check_content(struct disk *d, const uint8_t *mirror)
{
	CLEANUP_FREE uint8_t *buf = xmalloc(SIZE);
	ck_ok(disk_pread(d, buf, SIZE, 0, &err));
	ck_assert_int_eq(memcmp(buf, mirror, SIZE), 0);
}

static void check_findings(const char *path, bool vhdx)
{
	CLEANUP(findings_done) struct findings f = {0};
	CLEANUP(io_close_p) struct io *io = NULL;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ck_ok(io_from_fd(&io, fd, path, false, &err));
	ck_ok((vhdx ? vhdx_check : vhd_check)(io, &f, &err));
	ck_assert_msg(!findings_have_errors(&f), "%s", f.n ? f.v[0].message : "");
}

static void check_format(const char *format, const char *options, bool vhdx)
{
	CLEANUP_FREE char *path = xasprintf("%s/image", unit_tmp());
	CLEANUP_FREE char *raw = xasprintf("%s/mirror", unit_tmp());
	CLEANUP_FREE uint8_t *mirror = xcalloc(1, SIZE);
	srand(3);
	/* Some blocks are there before, with content. */
	memset(mirror + (9u << 20), 0x77, 1u << 20);
	ck_ok(file_write_atomic(raw, mirror, SIZE, 0600, &err));
	unit_must("qemu-img convert -f raw -O %s -o %s '%s' '%s'", format, options, raw, path);
	for (int round = 0; round < 2; round++) {
		struct disk *d CLEANUP(disk_close_p) = NULL;
		ck_ok(disk_open(&d, path, DISK_OPEN_WRITE, &err));
		ck_assert_uint_ge(d->size, SIZE);
		check_content(d, mirror);
		scribble(d, mirror, 60);
		check_content(d, mirror);
	}
	ck_ok(file_write_atomic(raw, mirror, SIZE, 0600, &err));
	unit_must("qemu-img compare -f raw -F %s '%s' '%s' >/dev/null", format, raw, path);
	if (vhdx)
		unit_must("qemu-img check -q -f vhdx '%s'", path);
	check_findings(path, vhdx);
	struct disk *d CLEANUP(disk_close_p) = NULL;
	ck_ok(disk_open(&d, path, 0, &err));
	check_content(d, mirror);
	ck_fails(disk_pwrite(d, mirror, 512, 0, &err), ERR_DISK_WRITE, "reading only");
}

START_TEST(vhdx_dynamic_and_fixed)
{
	check_format("vhdx", "subformat=dynamic,block_size=1048576", true);
	check_format("vhdx", "subformat=dynamic", true);
	check_format("vhdx", "subformat=fixed,block_size=1048576", true);
}
END_TEST

START_TEST(vhd_dynamic_and_fixed)
{
	check_format("vpc", "subformat=dynamic,force_size=on", false);
	check_format("vpc", "subformat=fixed,force_size=on", false);
}
END_TEST

/* A child knows its parent by an id, which is another one after a write. */
START_TEST(a_child_can_notice)
{
	CLEANUP_FREE char *parent = xasprintf("%s/parent.vhd", unit_tmp());
	struct disk *d CLEANUP(disk_close_p) = NULL;
	unit_must("qemu-img create -q -f vhdx '%s' 8M", parent);
	ck_ok(disk_open(&d, parent, DISK_OPEN_WRITE, &err));
	struct guid before = d->image.data_id;
	char block[4096] = "x";
	ck_ok(disk_pwrite(d, block, sizeof(block), 0, &err));
	struct disk *again CLEANUP(disk_close_p) = NULL;
	ck_ok(disk_open(&again, parent, 0, &err));
	ck_assert(!guid_equal(&before, &again->image.data_id));
}
END_TEST

UNIT_MAIN("image-write", vhdx_dynamic_and_fixed, vhd_dynamic_and_fixed, a_child_can_notice)
