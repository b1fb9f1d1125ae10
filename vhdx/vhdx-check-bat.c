/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "vhdx-check.h"

#include <inttypes.h>

#include "mem.h"

#define CHUNK (64 * KiB)

struct bat_check {
	struct vhdx *v;
	struct findings *f;
	uint8_t *used;	/* a bit for each MiB of the file */
	uint64_t units; /* of used */
	bool differencing;
	bool partial; /* a block of this chunk is PARTIALLY_PRESENT: its bitmap must be there */
};

/* Marks the MiB that [offset, offset + length) touches; returns how many were marked already. */
static uint64_t mark(struct bat_check *c, uint64_t offset, uint64_t length)
{
	uint64_t taken = 0;
	uint64_t end = min_u64(div_round_up(offset + length, VHDX_UNIT), c->units);
	for (uint64_t i = offset / VHDX_UNIT; i < end; i++) {
		taken += c->used[i / 8] >> i % 8 & 1;
		c->used[i / 8] |= (uint8_t)(1u << i % 8);
	}
	return taken;
}

/* A block that is there; needed: bytes of it that belong to the disk. */
static void check_place(struct bat_check *c, const char *what, uint64_t number, uint64_t entry,
	uint64_t length, uint64_t needed)
{
	uint64_t offset = VHDX_BAT_OFFSET(entry), size = c->v->io->size;
	if (offset < VHDX_UNIT) {
		findings_add(c->f, FINDING_ERROR, "bat-offset",
			"BAT: %s %" PRIu64 " at 0x%" PRIx64 " (1 MiB or more expected)", what,
			number, offset);
		return;
	}
	if (!u64_range_ok(offset, needed, size))
		findings_add(c->f, FINDING_ERROR, "bat-past-end",
			"BAT: %s %" PRIu64 ": %" PRIu64 " bytes at 0x%" PRIx64
			" lie past the end of the file (%" PRIu64 " bytes)",
			what, number, needed, offset, size);
	else if (!u64_range_ok(offset, length, size))
		findings_add(c->f, FINDING_WARNING, "block-truncated",
			"BAT: %s %" PRIu64 " at 0x%" PRIx64
			" is cut by the end of the file (%" PRIu64
			" bytes), behind the end of the disk",
			what, number, offset, size);
	uint64_t taken = offset < size ? mark(c, offset, length) : 0;
	if (taken)
		findings_add(c->f, FINDING_ERROR, "bat-overlap",
			"BAT: %s %" PRIu64 " at 0x%" PRIx64 " shares %" PRIu64
			" MiB with something else",
			what, number, offset, taken);
}

static void bad_state(struct bat_check *c, enum finding_level level, const char *what,
	uint64_t number, uint64_t entry)
{
	findings_add(c->f, level, "bat-state",
		"BAT: %s %" PRIu64 ": state %u is not valid for a %s disk", what, number,
		VHDX_BAT_STATE(entry), image_type_name(c->v->meta.type));
}

static void check_block(struct bat_check *c, uint64_t block, uint64_t entry)
{
	const struct vhdx_metadata *m = &c->v->meta;
	uint64_t needed = min_u64(m->block_size, m->virtual_size - block * m->block_size);
	switch (VHDX_BAT_STATE(entry)) {
	case VHDX_BLOCK_NOT_PRESENT:
	case VHDX_BLOCK_UNDEFINED:
	case VHDX_BLOCK_ZERO:
	case VHDX_BLOCK_UNMAPPED:
		break;
	case VHDX_BLOCK_PARTIALLY_PRESENT:
		c->partial = true;
		if (!c->differencing)
			bad_state(c, FINDING_ERROR, "block", block, entry);
		check_place(c, "block", block, entry, m->block_size, needed);
		break;
	case VHDX_BLOCK_FULLY_PRESENT:
		check_place(c, "block", block, entry, m->block_size, needed);
		break;
	default:
		bad_state(c, FINDING_ERROR, "block", block, entry);
	}
}

static void check_bitmap(struct bat_check *c, uint64_t chunk, uint64_t entry)
{
	unsigned state = VHDX_BAT_STATE(entry);
	bool present = state == VHDX_BLOCK_FULLY_PRESENT;
	if (!c->differencing) {
		/* Nobody reads it. */
		if (state != VHDX_BLOCK_NOT_PRESENT)
			bad_state(c, FINDING_WARNING, "sector bitmap", chunk, entry);
		return;
	}
	if (present)
		check_place(c, "sector bitmap", chunk, entry, VHDX_BITMAP_BLOCK, VHDX_BITMAP_BLOCK);
	else if (c->partial || state != VHDX_BLOCK_NOT_PRESENT)
		bad_state(c, FINDING_ERROR, "sector bitmap", chunk, entry);
	c->partial = false;
}

static void check_entry(struct bat_check *c, uint64_t index, uint64_t entry)
{
	uint64_t stride = c->v->chunk_ratio + UINT64_C(1), chunk = index / stride;
	if (VHDX_BAT_RESERVED(entry))
		findings_add(c->f, FINDING_WARNING, "bat-reserved",
			"BAT: entry %" PRIu64 ": reserved bits of 0x%016" PRIx64 " are not 0",
			index, entry);
	if (index % stride == c->v->chunk_ratio)
		check_bitmap(c, chunk, entry);
	else if (index - chunk < c->v->blocks)
		check_block(c, index - chunk, entry);
}

static int check_entries(struct bat_check *c, struct error **err)
{
	const struct vhdx *v = c->v;
	CLEANUP_FREE le64 *entries = xmalloc(CHUNK);
	uint64_t size = sizeof(le64) * vhdx_bat_entries(v->blocks, v->chunk_ratio, c->differencing);
	for (uint64_t at = 0; at < size; at += CHUNK) {
		size_t n = (size_t)min_u64(CHUNK, size - at);
		if (io_pread(v->io, entries, n, v->bat.offset + at, err) < 0)
			return -1;
		/* Zero is valid everywhere but where a bitmap is missed. */
		if (!c->partial && mem_is_zero(entries, n))
			continue;
		for (size_t i = 0; i < n / sizeof(le64); i++)
			check_entry(c, at / sizeof(le64) + i, le64_get(entries[i]));
	}
	return 0;
}

static void note_unused(struct bat_check *c)
{
	uint64_t unused = 0;
	for (uint64_t i = 0; i < c->units; i++)
		unused += !(c->used[i / 8] >> i % 8 & 1);
	if (unused)
		findings_add(c->f, FINDING_NOTE, "unused-space",
			"%" PRIu64 " MiB of the file hold nothing of the disk", unused);
}

int vhdx_check_bat(struct vhdx *v, const struct vhdx_regions *regions, struct findings *ret,
	struct error **err)
{
	struct bat_check c = {.v = v, .f = ret, .differencing = v->meta.type == IMAGE_DIFFERENCING};
	c.units = div_round_up(min_u64(v->io->size, VHDX_FILE_MAX), VHDX_UNIT);
	CLEANUP_FREE uint8_t *used = mem_alloc(
		c.units / 8 + 1, VHDX_FILE_MAX / VHDX_UNIT / 8 + 1, "map of the file", err);
	if (!used)
		return -1;
	c.used = used;
	for (size_t i = 0; i < regions->n; i++)
		mark(&c, regions->all[i].offset, regions->all[i].length);
	if (check_entries(&c, err) < 0)
		return -1;
	note_unused(&c);
	return 0;
}
