/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is known to be on the sink: kept while copying, trusted or not when a resume finds it. */
#include <assert.h>
#include <string.h>

#include "copy-internal.h"
#include "mem.h"

/* At most so often; and at most so large a part of the time is spent on it. */
#define SAVE_INTERVAL_US 2000000
#define SAVE_COST_RATIO	 50

static void binding_of(const struct copy *c, struct record_binding *ret)
{
	memset(ret, 0, sizeof(*ret));
	memcpy(ret->source_id, c->options->source_id, sizeof(ret->source_id));
	ret->options = *layout_options(c->layout);
	ret->disk_size = c->src->size;
	ret->length = layout_length(c->layout);
	ret->slot_size = c->slot_size;
}

/* ---- while copying ---- */

static int digest_of(const struct copy *c, const struct unit *u, uint8_t ret[static RECORD_DIGEST],
	struct error **err)
{
	CLEANUP_FREE struct record_part *parts = xcalloc(u->n, sizeof(*parts));
	struct extent x = {0};
	size_t n = 0;
	while (unit_next_extent(u, &x))
		parts[n++] = (struct record_part){u->buf + x.start, x.stop - x.start};
	return record_digest(c->record, u->slot, parts, n, ret, err);
}

int unit_digest(struct copy *c, struct unit *u, struct error **err)
{
	if (!c->record)
		return 0;
	if (digest_of(c, u, u->digest, err) < 0)
		return -1;
	pthread_mutex_lock(&c->lock);
	const uint8_t *known = record_get(c->record, u->slot);
	u->recorded = known && memcmp(known, u->digest, RECORD_DIGEST) == 0;
	pthread_mutex_unlock(&c->lock);
	/* Never overwritten while a record vouches for it: the disk has changed, all again. */
	if (known && !u->recorded)
		copy_fail_restart(c);
	return 0;
}

void copy_unit_written(struct copy *c, const struct unit *u, unsigned breaks)
{
	if (!c->record)
		return;
	pthread_mutex_lock(&c->lock);
	record_add(c->record, u->slot, u->digest, breaks);
	pthread_mutex_unlock(&c->lock);
}

void copy_unit_seen(struct copy *c, const struct unit *u, unsigned breaks)
{
	pthread_mutex_lock(&c->lock);
	record_seen(c->record, u->slot, breaks);
	pthread_mutex_unlock(&c->lock);
}

/* The text is made before the flush: what it names has been acknowledged, and is flushed then. */
static int save(struct copy *c, struct error **err)
{
	pthread_mutex_lock(&c->lock);
	CLEANUP_FREE char *text = record_format(c->record, c->sink->breaks);
	pthread_mutex_unlock(&c->lock);
	if (sink_flush(c->sink, err) < 0)
		return -1;
	return sink_state_write(c->sink, text, err);
}

static bool worth_saving(struct copy *c)
{
	pthread_mutex_lock(&c->lock);
	bool any = record_count(c->record) > 0;
	pthread_mutex_unlock(&c->lock);
	return any;
}

void copy_save_record(struct copy *c, bool now, struct op *op)
{
	struct error *err = NULL;
	int64_t start = op_now_us();
	if (!c->record || (!now && start < c->save_due_us) || !worth_saving(c))
		return;
	if (save(c, &err) < 0) {
		/* Not the export's failure: what was saved before stays true. */
		if (op_stopped(op) == OP_RUN && !c->stopped)
			op_warn(op, "resume-state", "the state for a resume was not saved: %s",
				err->message);
		err_free(err);
	}
	int64_t end = op_now_us();
	int64_t pause = (end - start) * SAVE_COST_RATIO;
	c->save_due_us = end + (pause > SAVE_INTERVAL_US ? pause : SAVE_INTERVAL_US);
}

/* ---- a resume ---- */

int copy_load_record(struct copy *c, struct error **err)
{
	struct record_binding b;
	binding_of(c, &b);
	CLEANUP_FREE char *text = NULL;
	if (c->sink->partial_size && sink_state_read(c->sink, &text, err) < 0)
		return -1;
	c->record = text ? record_parse(text, &b) : NULL;
	c->fresh = !c->record;
	c->save_due_us = op_now_us() + SAVE_INTERVAL_US;
	return c->record ? 0 : record_new(&c->record, &b, err);
}

int copy_forget_record(struct copy *c, struct error **err)
{
	record_clear(c->record);
	return save(c, err);
}

int unit_read_back(
	struct copy *c, struct unit *u, unsigned lane, bool *ret_same, struct error **err)
{
	uint8_t digest[RECORD_DIGEST];
	struct extent x = {0};
	while (unit_next_extent(u, &x))
		if (sink_pread(c->sink, lane, u->buf + x.start, x.stop - x.start,
			    unit_offset(c, u) + x.start, err) < 0)
			return -1;
	if (digest_of(c, u, digest, err) < 0)
		return -1;
	pthread_mutex_lock(&c->lock);
	const uint8_t *known = record_get(c->record, u->slot);
	*ret_same = known && memcmp(digest, known, RECORD_DIGEST) == 0;
	pthread_mutex_unlock(&c->lock);
	return 0;
}

/* Those that a crash of the server would have lost, if it lost anything. */
static bool must_verify(const struct copy *c, uint64_t slot, const uint64_t *newest, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (newest[i] == slot)
			return true;
	return record_is_suspect(c->record, slot, c->sink->breaks);
}

int copy_verify_record(struct copy *c, struct op *op, struct error **err)
{
	uint64_t newest[RECORD_NEWEST];
	size_t n = record_newest(c->record, newest);
	struct unit *u = &c->units[0];
	for (uint64_t slot = 0; record_next(c->record, &slot); slot++) {
		bool same;
		unsigned breaks = c->sink->breaks;
		if (op_tick(op, 0, err) < 0)
			return -1;
		if (!must_verify(c, slot, newest, n))
			continue;
		copy_plan_unit(c, u, slot);
		if (unit_read_back(c, u, 0, &same, err) < 0)
			return -1;
		if (!same)
			return copy_forget_record(c, err);
		copy_unit_seen(c, u, breaks);
	}
	return 0;
}

int copy_resume_options(struct sink *sink, const uint8_t source_id[32], struct image_options *o,
	bool *ret, struct error **err)
{
	CLEANUP_FREE char *text = NULL;
	if (sink->partial_size && sink_state_read(sink, &text, err) < 0)
		return -1;
	*ret = text && record_parse_ids(text, source_id, o);
	return 0;
}
