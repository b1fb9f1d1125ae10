/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The copy engine from begin to commit. */
#include <assert.h>
#include <string.h>

#include "copy-internal.h"
#include "mem.h"

#define SLOT_SIZE     (8 * MiB)
#define DEFAULT_LANES 4
/* Buffers that are being read, hashed or waiting, beside one a lane. */
#define EXTRA_BUFFERS 4
#define MAX_BUFFERS   10
/* A share whose connections break again and again while what is there is checked. */
#define MAX_CHECKS 10

void copy_pool_shape(unsigned lanes, unsigned *ret_n, size_t *ret_buf_size)
{
	*ret_n = (unsigned)min_u64((lanes ? lanes : DEFAULT_LANES) + EXTRA_BUFFERS, MAX_BUFFERS);
	*ret_buf_size = SLOT_SIZE + COPY_TAIL;
}

static void copy_init(struct copy *c)
{
	c->slot_size = (uint32_t)(c->pool->buf_size - COPY_TAIL);
	c->n_units = c->pool->n;
	c->seal = layout_seal(c->layout);
	c->units = xcalloc(c->n_units, sizeof(*c->units));
	for (unsigned i = 0; i < c->n_units; i++)
		c->units[i].buf = pool_buf(c->pool, i);
	pthread_condattr_t attr;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_mutex_init(&c->lock, NULL);
	pthread_cond_init(&c->changed, &attr);
	pthread_condattr_destroy(&attr);
}

static void copy_done(struct copy *c)
{
	for (unsigned i = 0; i < c->n_units; i++)
		free(c->units[i].pieces);
	free(c->units);
	record_free(c->record);
	pthread_cond_destroy(&c->changed);
	pthread_mutex_destroy(&c->lock);
}

static void fill_result(const struct copy *c, struct copy_result *r)
{
	r->have_md5 = c->options->md5;
	r->have_sha256 = c->options->sha256;
	r->bytes_read = c->bytes_read;
	r->bytes_written = c->bytes_written;
	r->bytes_resumed = c->bytes_resumed;
	r->zero_bytes = c->zero_bytes;
}

/* All else is on the sink for good before the bytes are that make a readable image of it. */
static int seal_and_commit(struct copy *c, struct error **err)
{
	const struct segment *s = &c->seal;
	if (sink_flush(c->sink, err) < 0)
		return -1;
	assert(s->length <= c->slot_size);
	if (s->length) {
		layout_meta(c->layout, s->offset, c->units[0].buf, (size_t)s->length);
		if (sink_pwrite(c->sink, 0, c->units[0].buf, (size_t)s->length, s->offset, err) < 0)
			return -1;
		c->bytes_written += s->length;
	}
	return sink_commit(c->sink, err);
}

static int begin(struct copy *c, struct op *op, struct error **err)
{
	c->fresh = true;
	if (c->options->resume_state && copy_load_record(c, err) < 0)
		return -1;
	if (sink_begin(c->sink, layout_length(c->layout), !c->fresh, op, err) < 0)
		return -1;
	op_wrote(op);
	return c->fresh ? 0 : copy_verify_record(c, op, err);
}

static int write_all(struct copy *c, struct op *op, struct copy_result *r, struct error **err)
{
	do {
		if (copy_pass(c, op, r, err) < 0)
			return -1;
		if (c->restart && copy_forget_record(c, err) < 0)
			return -1;
	} while (c->restart);
	return 0;
}

/* A connection broke: a server that crashed has lost what it had not yet written. */
static int check_written(struct copy *c, struct op *op, struct copy_result *r, struct error **err)
{
	c->check_breaks = c->sink->breaks;
	c->fresh = false;
	op_note(op, "a connection broke: what was written before is read back");
	if (copy_check_pass(c, op, err) < 0)
		return -1;
	if (c->restart)
		return copy_forget_record(c, err) < 0 ? -1 : write_all(c, op, r, err);
	c->sink->trusted = c->check_breaks;
	return 0;
}

static bool in_doubt(const struct copy *c)
{
	return c->sink->breaks != c->sink->trusted;
}

static int finish(struct copy *c, struct op *op, struct copy_result *r, struct error **err)
{
	for (unsigned i = 0; i < MAX_CHECKS; i++) {
		if (in_doubt(c) && check_written(c, op, r, err) < 0)
			return -1;
		if (in_doubt(c))
			continue;
		copy_save_record(c, true, op);
		if (op_tick(op, copy_total(c), err) < 0)
			return -1;
		if (seal_and_commit(c, err) == 0)
			return 0;
		if ((*err)->code != ERR_SHARE_LOST || !in_doubt(c))
			return -1;
		err_free(TAKE_PTR(*err));
	}
	return err_set(err, ERR_SHARE_LOST,
		"the connection to the share broke again in each of %d checks of what was written",
		MAX_CHECKS);
}

static int copy_all(struct copy *c, struct op *op, struct copy_result *r, struct error **err)
{
	if (begin(c, op, err) < 0)
		return -1;
	return write_all(c, op, r, err) < 0 ? -1 : finish(c, op, r, err);
}

int copy_run(struct disk *src, const struct layout *l, struct sink *sink, const struct pool *pool,
	const struct copy_options *o, double share, struct op *op, struct copy_result *ret,
	struct error **err)
{
	assert(!o->resume_state || o->source_id);
	assert(src->size == layout_disk_size(l));
	struct copy c = {.src = src, .layout = l, .sink = sink, .pool = pool, .options = o};
	struct copy_result r = {0};
	copy_init(&c);
	op_begin(op, "copy", copy_total(&c), share);
	int rc = copy_all(&c, op, &r, err);
	fill_result(&c, &r);
	copy_done(&c);
	if (rc < 0)
		return err_step(err, "copy");
	*ret = r;
	return 0;
}

int copy_hash(struct disk *src, const struct ranges *map, const struct copy_options *o,
	double share, struct op *op, struct copy_result *ret, struct error **err)
{
	struct ranges all = {0};
	ranges_add(&all, 0, src->size);
	struct image_options raw = {.format = IMAGE_RAW};
	CLEANUP(layout_free_p) struct layout *l = NULL;
	struct pool pool;
	unsigned n;
	size_t buf_size;
	int rc = image_options_complete(&raw, err) < 0 ||
				 layout_new(&l, src->size, map ? map : &all, &raw, err) < 0
			 ? -1
			 : 0;
	ranges_done(&all);
	copy_pool_shape(1, &n, &buf_size);
	if (rc < 0 || pool_init(&pool, n, buf_size, err) < 0)
		return -1;
	struct copy c = {.src = src, .layout = l, .pool = &pool, .options = o};
	struct copy_result r = {0};
	copy_init(&c);
	op_begin(op, "hash", copy_total(&c), share);
	rc = copy_pass(&c, op, &r, err) < 0 ? -1 : op_tick(op, copy_total(&c), err);
	fill_result(&c, &r);
	copy_done(&c);
	pool_done(&pool);
	if (rc == 0)
		*ret = r;
	return rc;
}
