/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A pass: the threads, and the coordinator that waits for them, reports and saves the record. */
#include <assert.h>
#include <time.h>

#include "copy-internal.h"

#define DEFAULT_READERS 2
#define MAX_THREADS	32
#define TICK_US		50000

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

static void check_work(struct thread *t)
{
	copy_check_all(t->c, t->index);
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

uint64_t copy_total(const struct copy *c)
{
	return hashing(c) ? layout_virtual_size(c->layout) : layout_data_bytes(c->layout);
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
	while (wait_change(c)) {
		struct error *err = NULL;
		if (c->stopped)
			continue;
		/* A second pass begins at 0 again. */
		c->reported = max_u64(c->reported, done_of(c));
		if (op_tick(op, c->reported, &err) < 0)
			copy_fail(c, &err);
		else if (c->sink)
			copy_save_record(c, false, op);
	}
}

static int run_threads(struct copy *c, struct threads *ts, struct op *op, struct error **err)
{
	c->next_slot = 0;
	c->restart = false;
	c->stopped = false;
	if (c->sink)
		c->sink->abandon = false;
	start_threads(c, ts);
	coordinate(c, op);
	for (unsigned i = 0; i < ts->n; i++)
		pthread_join(ts->v[i].id, NULL);
	if (c->err)
		copy_save_record(c, true, op);
	err_move(err, &c->err);
	return *err ? err_step(err, op->step) : 0;
}

static void reset_pass(struct copy *c)
{
	c->planned = c->next_write = c->last_disk_end = 0;
	c->all_planned = false;
	c->retired = c->zero_bytes = c->bytes_resumed = 0;
	for (size_t i = 0; i < COPY_MAX_HASHES; i++)
		c->hashed[i] = 0;
	for (unsigned i = 0; i < c->n_units; i++)
		c->units[i].state = UNIT_FREE;
}

int copy_pass(struct copy *c, struct op *op, struct copy_result *r, struct error **err)
{
	struct threads ts = {.n = 0};
	reset_pass(c);
	list_threads(c, r, &ts);
	return run_threads(c, &ts, op, err);
}

int copy_check_pass(struct copy *c, struct op *op, struct error **err)
{
	struct threads ts = {.n = 0};
	for (unsigned i = 0; i < c->sink->lanes && i < c->n_units; i++)
		add_thread(&ts, (struct thread){.c = c, .work = check_work, .index = i});
	return run_threads(c, &ts, op, err);
}
