/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The copy engine's coordinator: starts the threads, reports, saves the record, seals and commits. */
#include <assert.h>
#include <string.h>
#include <time.h>

#include "copy-internal.h"
#include "mem.h"

#define SLOT_SIZE	(8 * MiB)
#define DEFAULT_LANES	4
#define DEFAULT_READERS 2
#define MAX_THREADS	32
/* Buffers that are being read, hashed or waiting, beside one a lane. */
#define EXTRA_BUFFERS 4
#define MAX_BUFFERS   10
#define TICK_US	      50000

struct thread {
	pthread_t id;
	struct copy *c;
	void (*work)(struct thread *t);
	unsigned index; /* lane, hash */
	const char *algorithm;
	uint8_t *digest;
};

struct threads {
	struct thread v[MAX_THREADS];
	unsigned n;
};

void copy_pool_shape(unsigned lanes, unsigned *ret_n, size_t *ret_buf_size)
{
	*ret_n = (unsigned)min_u64((lanes ? lanes : DEFAULT_LANES) + EXTRA_BUFFERS, MAX_BUFFERS);
	*ret_buf_size = SLOT_SIZE + COPY_TAIL;
}

/* ---- threads ---- */

static void read_work(struct thread *t)
{
	copy_read_all(t->c);
}

static void write_work(struct thread *t)
{
	copy_write_all(t->c, t->index);
}

static void hash_work(struct thread *t)
{
	copy_hash_all(t->c, t->index, t->algorithm, t->digest);
}

static void *thread_main(void *data)
{
	struct thread *t = data;
	t->work(t);
	pthread_mutex_lock(&t->c->lock);
	t->c->running--;
	pthread_cond_broadcast(&t->c->changed);
	pthread_mutex_unlock(&t->c->lock);
	return NULL;
}

static void add_thread(struct threads *ts, struct thread t)
{
	assert(ts->n < MAX_THREADS);
	ts->v[ts->n++] = t;
}

static void list_threads(struct copy *c, struct copy_result *r, struct threads *ts)
{
	unsigned hashes = 0, readers = c->options->readers ? c->options->readers : DEFAULT_READERS;
	if (c->options->md5)
		add_thread(ts, (struct thread){.c = c,
				       .work = hash_work,
				       .index = hashes++,
				       .algorithm = "MD5",
				       .digest = r->md5});
	if (c->options->sha256)
		add_thread(ts, (struct thread){.c = c,
				       .work = hash_work,
				       .index = hashes++,
				       .algorithm = "SHA256",
				       .digest = r->sha256});
	for (unsigned i = 0; i < readers; i++)
		add_thread(ts, (struct thread){.c = c, .work = read_work});
	for (unsigned i = 0; c->sink && i < c->sink->lanes; i++)
		add_thread(ts, (struct thread){.c = c, .work = write_work, .index = i});
	c->consumers = hashes + (c->sink != NULL);
}

/* Those that could not be started are not in ts afterwards. */
static void start_threads(struct copy *c, struct threads *ts)
{
	struct error *err = NULL;
	c->running = ts->n;
	for (unsigned i = 0; i < ts->n; i++) {
		int rc = pthread_create(&ts->v[i].id, NULL, thread_main, &ts->v[i]);
		if (rc == 0)
			continue;
		err_errno(&err, ERR_SYSTEM, rc, "starting a thread");
		copy_fail(c, &err);
		pthread_mutex_lock(&c->lock);
		c->running -= ts->n - i;
		pthread_mutex_unlock(&c->lock);
		ts->n = i;
	}
}

/* ---- the coordinator ---- */

static bool hashing(const struct copy *c)
{
	return c->options->md5 || c->options->sha256;
}

static uint64_t total_of(const struct copy *c)
{
	return hashing(c) ? c->src->size : layout_data_bytes(c->layout);
}

/* Hashes are never behind the lanes by more than the pool: where there are any, they tell. */
static uint64_t done_of(const struct copy *c)
{
	if (!hashing(c))
		return c->retired;
	uint64_t done = c->hashed[0];
	return c->options->md5 && c->options->sha256 ? min_u64(done, c->hashed[1]) : done;
}

/* Waits for a change, but not longer than a tick. False: all threads have ended. */
static bool wait_change(struct copy *c)
{
	struct timespec until;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += TICK_US * 1000;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	pthread_mutex_lock(&c->lock);
	if (c->running)
		pthread_cond_timedwait(&c->changed, &c->lock, &until);
	bool running = c->running > 0;
	pthread_mutex_unlock(&c->lock);
	return running;
}

static void coordinate(struct copy *c, struct op *op)
{
	uint64_t reported = 0;
	while (wait_change(c)) {
		struct error *err = NULL;
		/* A restart begins again at 0; progress does not go back. */
		reported = max_u64(reported, done_of(c));
		if (c->stopped)
			continue;
		if (op_tick(op, reported, &err) < 0)
			copy_fail(c, &err);
		else if (c->sink)
			copy_save_record(c, false, op);
	}
}

static void reset(struct copy *c)
{
	c->next_slot = c->planned = c->next_write = c->last_disk_end = 0;
	c->all_planned = c->restart = false;
	c->stopped = false;
	c->retired = c->zero_bytes = c->bytes_resumed = 0;
	for (size_t i = 0; i < COPY_MAX_HASHES; i++)
		c->hashed[i] = 0;
	for (unsigned i = 0; i < c->n_units; i++)
		c->units[i].state = UNIT_FREE;
	if (c->sink)
		c->sink->abandon = false;
}

/* One pass over the disk. c->restart: it has to be done again. */
static int run_pass(struct copy *c, struct op *op, struct copy_result *r, struct error **err)
{
	struct threads ts = {.n = 0};
	reset(c);
	list_threads(c, r, &ts);
	start_threads(c, &ts);
	coordinate(c, op);
	for (unsigned i = 0; i < ts.n; i++)
		pthread_join(ts.v[i].id, NULL);
	err_move(err, &c->err);
	return *err ? err_step(err, op->step) : 0;
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

static int copy_all(struct copy *c, struct op *op, struct copy_result *r, struct error **err)
{
	if (begin(c, op, err) < 0)
		return -1;
	do {
		if (run_pass(c, op, r, err) < 0) {
			copy_save_record(c, true, op);
			return -1;
		}
		if (c->restart && copy_forget_record(c, err) < 0)
			return -1;
	} while (c->restart);
	if (op_tick(op, total_of(c), err) < 0) {
		copy_save_record(c, true, op);
		return -1;
	}
	return seal_and_commit(c, err);
}

int copy_run(struct disk *src, const struct layout *l, struct sink *sink, const struct pool *pool,
	const struct copy_options *o, double share, struct op *op, struct copy_result *ret,
	struct error **err)
{
	assert(!o->resume_state || o->source_id);
	struct copy c = {.src = src, .layout = l, .sink = sink, .pool = pool, .options = o};
	struct copy_result r = {0};
	copy_init(&c);
	op_begin(op, "copy", total_of(&c), share);
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
	op_begin(op, "hash", total_of(&c), share);
	rc = run_pass(&c, op, &r, err) < 0 ? -1 : op_tick(op, total_of(&c), err);
	fill_result(&c, &r);
	copy_done(&c);
	pool_done(&pool);
	if (rc == 0)
		*ret = r;
	return rc;
}
