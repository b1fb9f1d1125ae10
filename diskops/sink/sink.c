/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The kinds of sinks, and the contract between them and whoever writes to one. */
#include "sink.h"

#include <assert.h>
#include <string.h>
#include <strings.h>

#include "checked.h"
#include "mem.h"

#define DEFAULT_MIN_HOLE 65536

static const struct sink_kind {
	const char *prefix;
	int (*open)(
		struct sink **ret, const struct sink_options *o, struct op *op, struct error **err);
} kinds[] = {
	{"smb://", sink_smb_open}, {"", sink_file_open}, /* last: whatever has no "scheme://" */
};

static const struct sink_kind *kind_of(const char *target)
{
	const struct sink_kind *k = kinds;
	while (strncasecmp(target, k->prefix, strlen(k->prefix)) != 0)
		k++;
	return k;
}

int sink_open(struct sink **ret, const struct sink_options *o, struct op *op, struct error **err)
{
	const struct sink_kind *kind = kind_of(o->target);
	const char *scheme_end = strstr(o->target, "://");
	if (!*kind->prefix && scheme_end && !memchr(o->target, '/', scheme_end - o->target))
		return err_set(err, ERR_INVALID_ARGUMENT,
			"target \"%.*s://…\" is of an unknown kind (a path or smb:// expected)",
			(int)(scheme_end - o->target), o->target);
	struct sink *s = NULL;
	if (kind->open(&s, o, op, err) < 0) {
		assert(*err);
		return -1;
	}
	assert(s->ops && s->target && s->lanes >= 1);
	s->stop = op->stop;
	if (!s->min_hole)
		s->min_hole = DEFAULT_MIN_HOLE;
	*ret = s;
	return 0;
}

void sink_close(struct sink *s, bool keep)
{
	if (!s)
		return;
	char *target = s->target;
	s->ops->close(s, keep && s->has_state);
	free(target);
}

/* A failure without an error, or an error without a failure, is a bug of the kind. */
static int result(int rc, struct error **err)
{
	assert((rc < 0) == (*err != NULL));
	return rc < 0 ? -1 : 0;
}

int sink_begin(struct sink *s, uint64_t length, bool resume, struct op *op, struct error **err)
{
	assert(!s->committed && (!resume || s->partial_size));
	if (result(s->ops->begin(s, length, resume, op, err), err) < 0)
		return -1;
	s->begun = true;
	s->length = length;
	s->has_state = s->has_state && resume;
	return 0;
}

int sink_pwrite(struct sink *s, unsigned lane, const void *buf, size_t len, uint64_t offset,
	struct error **err)
{
	assert(s->begun && !s->committed && lane < s->lanes);
	assert(u64_range_ok(offset, len, s->length));
	return len ? result(s->ops->pwrite(s, lane, buf, len, offset, err), err) : 0;
}

int sink_pread(
	struct sink *s, unsigned lane, void *buf, size_t len, uint64_t offset, struct error **err)
{
	assert(s->begun && !s->committed && lane < s->lanes);
	assert(u64_range_ok(offset, len, s->length));
	return len ? result(s->ops->pread(s, lane, buf, len, offset, err), err) : 0;
}

int sink_state_read(struct sink *s, char **ret, struct error **err)
{
	char *text = NULL;
	if (result(s->ops->state_read(s, &text, err), err) < 0)
		return -1;
	s->has_state = text != NULL;
	*ret = text;
	return 0;
}

int sink_state_write(struct sink *s, const char *text, struct error **err)
{
	assert(s->begun && !s->committed);
	if (result(s->ops->state_write(s, text, err), err) < 0)
		return -1;
	s->has_state = true;
	return 0;
}

int sink_flush(struct sink *s, struct error **err)
{
	assert(s->begun && !s->committed);
	return s->ops->flush ? result(s->ops->flush(s, err), err) : 0;
}

int sink_commit(struct sink *s, struct error **err)
{
	assert(s->begun && !s->committed);
	if (result(s->ops->commit(s, err), err) < 0)
		return -1;
	s->committed = true;
	return 0;
}
