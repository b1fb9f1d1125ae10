/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the tests of the copy engine share: a source, a server, and one export from one to the other. */
#pragma once

#include <string.h>

#include "unit.h"

#include "copy-fake.h"
#include "copy.h"
#include "layout-util.h"

#define SLOT (64 * KiB)	 /* small, so that small disks are many units */
#define TAIL (512 * KiB) /* COPY_TAIL */

struct rig {
	uint64_t seed;
	uint8_t *bytes; /* of the source */
	uint64_t size;
	struct ranges map;
	struct image_options image;
	struct fake_server server;
	struct pool pool;
	struct copy_options options;
	uint8_t source_id[32];
	struct copy_result result;
	struct op op;
};

/* Random bytes with runs of zeros in them, and a random map of about half of it. */
static inline void rig_fill(struct rig *r)
{
	for (uint64_t i = 0; i + 8 <= r->size; i += 8) {
		uint64_t x = util_random(&r->seed);
		memcpy(r->bytes + i, &x, 8);
	}
	for (int i = 0; i < 12; i++) {
		uint64_t at = util_random_below(&r->seed, r->size);
		uint64_t n = util_random_below(&r->seed, 200 * KiB);
		memset(r->bytes + at, 0, min_u64(n, r->size - at));
	}
	for (int i = 0; i < 40; i++) {
		uint64_t at = util_random_below(&r->seed, r->size);
		uint64_t n = 1 + util_random_below(&r->seed, i % 4 ? 5000 : 400 * KiB);
		ranges_add(&r->map, at, min_u64(at + n, r->size));
	}
}

static inline void rig_init(struct rig *r, uint64_t seed, uint64_t size, uint64_t slot)
{
	*r = (struct rig){.seed = seed, .size = size, .bytes = xcalloc(1, size)};
	fake_server_init(&r->server);
	r->server.flushes = true;
	ck_ok(pool_init(&r->pool, 5, slot + TAIL, &err));
	for (size_t i = 0; i < sizeof(r->source_id); i++)
		r->source_id[i] = (uint8_t)util_random(&r->seed);
	r->options = (struct copy_options){.resume_state = true, .source_id = r->source_id};
	r->image = (struct image_options){.format = IMAGE_RAW};
	ck_ok(image_options_complete(&r->image, &err));
	op_init(&r->op, NULL, NULL, &r->server.stop);
}

static inline void rig_done(struct rig *r)
{
	free(r->bytes);
	ranges_done(&r->map);
	pool_done(&r->pool);
	fake_server_done(&r->server);
}

static inline struct layout *rig_layout(const struct rig *r)
{
	struct layout *l = NULL;
	ck_ok(layout_new(&l, r->size, &r->map, &r->image, &err));
	return l;
}

static inline int rig_read(void *data, void *buf, size_t len, uint64_t offset, struct error **err)
{
	(void)err;
	struct rig *r = data;
	ck_assert(u64_range_ok(offset, len, r->size));
	memcpy(buf, r->bytes + offset, len);
	return 0;
}

/* The file as its layout has it, without the engine. */
static inline uint8_t *rig_want(struct rig *r, uint64_t *ret_length)
{
	struct layout *l = rig_layout(r);
	uint64_t length = layout_length(l);
	uint8_t *want = xmalloc(length);
	ck_ok(layout_pread(l, rig_read, r, 0, want, length, &err));
	layout_free(l);
	*ret_length = length;
	return want;
}

/* One export as a worker makes it, from disk src (closed here; NULL: the rig's bytes). */
static inline int rig_run(struct rig *r, struct disk *src, struct error **ret_err)
{
	bool resume = false;
	struct disk *d = src ? src : fake_disk(r->bytes, r->size);
	struct sink *s = fake_sink(&r->server);
	op_init(&r->op, NULL, NULL, &r->server.stop);
	ck_ok(copy_resume_options(s, r->source_id, &r->image, &resume, &err));
	struct layout *l = rig_layout(r);
	int rc = copy_run(d, l, s, &r->pool, &r->options, 100, &r->op, &r->result, ret_err);
	sink_close(s, rc < 0);
	layout_free(l);
	disk_close(d);
	return rc;
}

/* The final file is what the layout says. */
static inline void rig_check(struct rig *r)
{
	uint64_t length;
	CLEANUP_FREE uint8_t *want = rig_want(r, &length);
	ck_assert_ptr_nonnull(r->server.final);
	for (uint64_t i = 0; i < length; i++)
		if (want[i] != r->server.final[i])
			ck_abort_msg("seed: byte 0x%zx is 0x%02x (0x%02x expected)", (size_t)i,
				r->server.final[i], want[i]);
	ck_assert_ptr_null(r->server.state);
}

static inline void rig_image(
	struct rig *r, enum image_format format, enum image_type type, uint32_t block)
{
	r->image = (struct image_options){.format = format, .type = type, .block_size = block};
	ck_ok(image_options_complete(&r->image, &err));
}
