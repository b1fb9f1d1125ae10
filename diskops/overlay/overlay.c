/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "overlay-internal.h"

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>

#include "mem.h"

#define NOT_HERE UINT32_MAX

static uint32_t slot_hash(uint64_t block)
{
	return (uint32_t)((block * UINT64_C(0x9e3779b97f4a7c15)) >> 32);
}

/* The slot that holds block, or the free one where it would go. */
static uint32_t *find_slot(const struct overlay *o, uint64_t block)
{
	uint32_t i = slot_hash(block) & (o->n_slots - 1);
	while (o->slots[i] && o->table[o->slots[i] - 1] != block)
		i = (i + 1) & (o->n_slots - 1);
	return &o->slots[i];
}

static uint32_t find_block(const struct overlay *o, uint64_t block)
{
	uint32_t slot = *find_slot(o, block);
	return slot ? slot - 1 : NOT_HERE;
}

static void grow(struct overlay *o)
{
	o->cap *= 2;
	o->table = xrealloc_array(o->table, o->cap, sizeof(*o->table));
	o->n_slots *= 2;
	free(o->slots);
	o->slots = xcalloc(o->n_slots, sizeof(*o->slots));
	for (uint64_t i = 0; i < o->n; i++)
		*find_slot(o, o->table[i]) = (uint32_t)i + 1;
}

static int journal_write(
	struct overlay *o, const void *buf, size_t len, uint64_t at, struct error **err)
{
	if (pwrite_full(o->fd, buf, len, at) == 0)
		return 0;
	err_errno(err, ERR_WRITE, errno, "journal \"%s\"", o->path);
	return err_hint(err,
		"the disk is untouched; free space where the journal is, or name another "
		"place with --journal");
}

static int journal_read(struct overlay *o, void *buf, size_t len, uint64_t at, struct error **err)
{
	ssize_t n = pread_full(o->fd, buf, len, at);
	if (n < 0)
		return err_errno(err, ERR_JOURNAL, errno, "journal \"%s\"", o->path);
	if ((size_t)n < len)
		return err_set(err, ERR_JOURNAL, "journal \"%s\" ends at 0x%" PRIx64, o->path,
			at + (uint64_t)n);
	return 0;
}

/* Bytes of one block, from the journal or the base; a block may end with the disk. */
static int block_read(
	struct overlay *o, uint64_t block, size_t in, void *buf, size_t len, struct error **err)
{
	uint32_t index = find_block(o, block);
	if (index != NOT_HERE)
		return journal_read(o, buf, len, journal_offset(index) + in, err);
	return disk_pread(o->base, buf, len, block * OVERLAY_BLOCK + in, err);
}

static int overlay_pread(struct disk *d, void *buf, size_t len, uint64_t offset, struct error **err)
{
	struct overlay *o = (struct overlay *)d;
	char *p = buf;
	while (len) {
		uint64_t block = offset / OVERLAY_BLOCK;
		size_t in = offset % OVERLAY_BLOCK, n = OVERLAY_BLOCK - in;
		/* Blocks that were not written are read from the base in one go. */
		if (find_block(o, block) == NOT_HERE) {
			while (n < len && find_block(o, ++block) == NOT_HERE)
				n += OVERLAY_BLOCK;
			n = n < len ? n : len;
			if (disk_pread(o->base, p, n, offset, err) < 0)
				return -1;
		} else {
			n = n < len ? n : len;
			if (block_read(o, block, in, p, n, err) < 0)
				return -1;
		}
		p += n, offset += n, len -= n;
	}
	return 0;
}

/* Where block stands in the journal, made there where it is new. */
static int block_place(struct overlay *o, uint64_t block, uint32_t *ret, struct error **err)
{
	uint32_t *slot = find_slot(o, block);
	if (*slot) {
		*ret = *slot - 1;
		return 0;
	}
	if (o->n >= OVERLAY_CHANGES_MAX / OVERLAY_BLOCK)
		return err_set(err, ERR_NO_SPACE, "\"%s\": more than %" PRIu64 " bytes changed",
			o->disk.name, OVERLAY_CHANGES_MAX);
	if (o->n == o->cap) {
		grow(o);
		slot = find_slot(o, block);
	}
	o->table[o->n] = block;
	*ret = (uint32_t)o->n++;
	*slot = *ret + 1;
	return 0;
}

static int block_write(struct overlay *o, uint64_t block, size_t in, const void *buf, size_t len,
	struct error **err)
{
	uint8_t whole[OVERLAY_BLOCK] = {0};
	uint32_t index;
	if (len < OVERLAY_BLOCK) {
		size_t size = (size_t)min_u64(OVERLAY_BLOCK, o->disk.size - block * OVERLAY_BLOCK);
		if (block_read(o, block, 0, whole, size, err) < 0)
			return -1;
	}
	memcpy(whole + in, buf, len);
	if (block_place(o, block, &index, err) < 0)
		return -1;
	return journal_write(o, whole, sizeof(whole), journal_offset(index), err);
}

static int overlay_pwrite(
	struct disk *d, const void *buf, size_t len, uint64_t offset, struct error **err)
{
	struct overlay *o = (struct overlay *)d;
	const char *p = buf;
	if (o->sealed)
		return err_set(err, ERR_JOURNAL, "\"%s\": the overlay has been committed", d->name);
	while (len) {
		size_t in = offset % OVERLAY_BLOCK;
		size_t n = (size_t)min_u64(OVERLAY_BLOCK - in, len);
		if (block_write(o, offset / OVERLAY_BLOCK, in, p, n, err) < 0)
			return -1;
		p += n, offset += n, len -= n;
	}
	return 0;
}

static int overlay_data_ranges(
	struct disk *d, uint64_t start, uint64_t end, struct ranges *ret, struct error **err)
{
	struct overlay *o = (struct overlay *)d;
	if (disk_data_ranges(o->base, start, end, ret, err) < 0)
		return -1;
	CLEANUP_RANGES struct ranges changed = {0};
	overlay_changed(o, &changed);
	ranges_union(ret, &changed);
	return 0;
}

static void overlay_close(struct disk *d)
{
	struct overlay *o = (struct overlay *)d;
	close(o->fd);
	if (!o->sealed && *o->path)
		unlink(o->path);
	free(o->path);
	free(o->table);
	free(o->slots);
	free(o);
}

static const struct disk_ops overlay_ops = {.name = "overlay",
	.pread = overlay_pread,
	.pwrite = overlay_pwrite,
	.data_ranges = overlay_data_ranges,
	.close = overlay_close};

int overlay_lock(int fd, const char *journal, struct error **err)
{
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	if (errno != EWOULDBLOCK)
		return err_errno(err, ERR_JOURNAL, errno, "lock journal \"%s\"", journal);
	return err_set(
		err, ERR_DISK_BUSY, "journal \"%s\" is in use by another preparation", journal);
}

int overlay_new(struct overlay **ret, struct disk *base, const char *journal, const char *identity,
	struct error **err)
{
	int fd = journal ? open(journal, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600)
			 : memfd_create("ce-overlay", MFD_CLOEXEC);
	if (fd < 0 && errno == EEXIST) {
		err_set(err, ERR_TARGET_EXISTS,
			"journal \"%s\" exists: a commit may have been interrupted", journal);
		return err_hint(err, "`cectl local recover` completes it or throws it away");
	}
	if (fd < 0) {
		err_errno(err, ERR_WRITE, errno, "create journal \"%s\"",
			journal ? journal : "in memory");
		return err_hint(
			err, "the disk is untouched; name a place for the journal: --journal FILE");
	}
	if (!journal)
		journal = "";
	if (overlay_lock(fd, journal, err) < 0) {
		close(fd);
		return -1;
	}
	struct overlay *o = xcalloc(1, sizeof(*o));
	o->disk = (struct disk){.ops = &overlay_ops,
		.name = xstrdup(base->name),
		.size = base->size,
		.logical_sector = base->logical_sector,
		.physical_sector = base->physical_sector,
		.io_alignment = 1};
	o->base = base;
	o->path = xstrdup(journal);
	o->fd = fd;
	snprintf(o->identity, sizeof(o->identity), "%s", identity);
	o->cap = 256;
	o->table = xcalloc(o->cap, sizeof(*o->table));
	o->n_slots = 512;
	o->slots = xcalloc(o->n_slots, sizeof(*o->slots));
	if (journal_begin(o, err) < 0) {
		overlay_free(o);
		return -1;
	}
	*ret = o;
	return 0;
}

struct disk *overlay_disk(struct overlay *o)
{
	return &o->disk;
}

void overlay_changed(const struct overlay *o, struct ranges *ret)
{
	for (uint64_t i = 0; i < o->n; i++)
		ranges_add(ret, o->table[i] * OVERLAY_BLOCK,
			min_u64((o->table[i] + 1) * OVERLAY_BLOCK, o->disk.size));
}

void overlay_free(struct overlay *o)
{
	if (o)
		disk_close(&o->disk);
}
