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

void copy_unit_written(struct copy *c, const struct unit *u)
{
	if (!c->record)
		return;
	pthread_mutex_lock(&c->lock);
	record_add(c->record, u->slot, u->digest);
	pthread_mutex_unlock(&c->lock);
}

/* The text is made before the flush: what it names has been acknowledged, and is flushed then. */
static int save(struct copy *c, struct error **err)
{
	pthread_mutex_lock(&c->lock);
	CLEANUP_FREE char *text = record_format(c->record);
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
	return c->record ? 0 : record_new(&c->record, &b, err);
}

int copy_forget_record(struct copy *c, struct error **err)
{
	record_clear(c->record);
	return save(c, err);
}

static int verify_slot(struct copy *c, struct unit *u, uint64_t slot, struct error **err)
{
	uint8_t digest[RECORD_DIGEST];
	struct extent x = {0};
	copy_plan_unit(c, u, slot);
	while (unit_next_extent(u, &x))
		if (sink_pread(c->sink, 0, u->buf + x.start, x.stop - x.start,
			    unit_offset(c, u) + x.start, err) < 0)
			return -1;
	if (u->n == 0 || digest_of(c, u, digest, err) < 0)
		return *err ? -1 : 0;
	return memcmp(digest, record_get(c->record, slot), RECORD_DIGEST) == 0;
}

int copy_verify_record(struct copy *c, struct op *op, struct error **err)
{
	uint64_t slots[RECORD_NEWEST];
	size_t n = record_newest(c->record, slots);
	for (size_t i = 0; i < n; i++) {
		if (op_tick(op, 0, err) < 0)
			return -1;
		int same = verify_slot(c, &c->units[0], slots[i], err);
		if (same < 0)
			return -1;
		if (!same)
			return copy_forget_record(c, err);
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
