/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Readers: a unit's bytes, from the disk and from the layout. */
#include <string.h>

#include "copy-internal.h"
#include "mem.h"

/* Pieces [first, end) of one extent that stand on the disk as they stand in the file. */
struct run {
	size_t first, end;
	uint32_t at, length;
	uint64_t disk_offset;
};

static struct run run_of(const struct unit *u, size_t first, size_t end)
{
	const struct piece *p = &u->pieces[first], *last = &u->pieces[end - 1];
	return (struct run){first, end, p->at, last->at + last->length - p->at, p->disk_offset};
}

static struct run next_run(const struct unit *u, size_t first, size_t end)
{
	const struct piece *p = u->pieces;
	uint64_t shift = p[first].disk_offset - p[first].at;
	size_t i = first + 1;
	while (i < end && !p[i].meta && p[i].disk_offset - p[i].at == shift)
		i++;
	return run_of(u, first, i);
}

/*
 * Direct I/O wants memory and disk offset to be congruent. Where a format shifts the data (the sector
 * bitmaps of a VHD), the read goes to the next place that is, and is moved down. What it overruns is
 * filled later or lies in the tail.
 */
static int read_run(struct copy *c, struct unit *u, const struct run *r, struct error **err)
{
	uint32_t align = c->src->io_alignment;
	uint8_t *to = u->buf + r->at;
	uint8_t *from = to + (align > 1 ? (r->disk_offset - r->at) % align : 0);
	if (disk_pread(c->src, from, r->length, r->disk_offset, err) < 0)
		return -1;
	if (from != to)
		memmove(to, from, r->length);
	c->bytes_read += r->length;
	return 0;
}

/* A bad sector between two pieces is nobody's loss: each piece by itself before giving up. */
static int read_pieces(struct copy *c, struct unit *u, const struct run *r, struct error **err)
{
	struct error *joined = NULL;
	if (read_run(c, u, r, &joined) == 0)
		return 0;
	if (r->end - r->first == 1 || c->stopped) {
		err_move(err, &joined);
		return -1;
	}
	err_free(joined);
	for (size_t i = r->first; i < r->end; i++) {
		struct run one = run_of(u, i, i + 1);
		if (read_run(c, u, &one, err) < 0)
			return -1;
	}
	return 0;
}

/* In this order: a read may overrun what is generated, and fills gaps that read as zero. */
static int read_extent(struct copy *c, struct unit *u, const struct extent *x, struct error **err)
{
	for (size_t i = x->first; i < x->end;) {
		if (u->pieces[i].meta) {
			i++;
			continue;
		}
		struct run r = next_run(u, i, x->end);
		if (read_pieces(c, u, &r, err) < 0)
			return -1;
		i = r.end;
	}
	uint32_t done = x->start;
	for (const struct piece *p = &u->pieces[x->first]; p < &u->pieces[x->end]; p++) {
		memset(u->buf + done, 0, p->at - done);
		if (p->meta)
			layout_meta(
				c->layout, unit_offset(c, u) + p->at, u->buf + p->at, p->length);
		done = p->at + p->length;
	}
	return 0;
}

int unit_read(struct copy *c, struct unit *u, struct error **err)
{
	struct extent x = {0};
	while (unit_next_extent(u, &x))
		if (read_extent(c, u, &x, err) < 0)
			return -1;
	return 0;
}

void copy_read_all(struct copy *c)
{
	struct error *err = NULL;
	struct unit *u;
	while ((u = copy_take_free(c))) {
		if (unit_read(c, u, &err) < 0 || unit_digest(c, u, &err) < 0) {
			copy_fail(c, &err);
			return;
		}
		copy_unit_full(c, u);
	}
}
