/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "copy-fake.h"

#include <assert.h>
#include <string.h>
#include <unistd.h>

#include "mem.h"

/* ---- the disk ---- */

struct memory_disk {
	struct disk disk;
	const uint8_t *bytes;
};

static int memory_pread(struct disk *d, void *buf, size_t len, uint64_t offset, struct error **err)
{
	(void)err;
	memcpy(buf, ((struct memory_disk *)d)->bytes + offset, len);
	return 0;
}

static void memory_close(struct disk *d)
{
	free(d);
}

struct disk *fake_disk(const uint8_t *bytes, uint64_t size)
{
	static const struct disk_ops ops = {
		.name = "memory", .pread = memory_pread, .close = memory_close};
	struct memory_disk *m = xcalloc(1, sizeof(*m));
	m->disk = (struct disk){
		.ops = &ops,
		.name = xstrdup("memory"),
		.size = size,
		.logical_sector = 512,
		.physical_sector = 4096,
		.read_only = true,
		.io_alignment = 4096,
	};
	m->bytes = bytes;
	return &m->disk;
}

/* ---- the server ---- */

void fake_server_init(struct fake_server *f)
{
	*f = (struct fake_server){.writes = xcalloc(FAKE_WRITES_MAX, sizeof(*f->writes))};
	pthread_mutex_init(&f->lock, NULL);
	fake_server_calm(f);
}

static void drop_partial(struct fake_server *f)
{
	free(f->bytes);
	free(f->stable);
	free(f->state);
	f->bytes = f->stable = NULL;
	f->state = NULL;
	f->length = 0;
}

void fake_server_done(struct fake_server *f)
{
	drop_partial(f);
	free(f->final);
	free(f->writes);
	pthread_mutex_destroy(&f->lock);
}

void fake_server_calm(struct fake_server *f)
{
	f->to_come = f->crash_in_writes = f->crash_in_reads = UINT64_MAX;
	f->crash_commits = 0;
	f->fails = f->stops = false;
	f->begin_fails = f->flush_fails = f->state_fails = f->commit_fails = f->pread_fails = false;
	f->write_us = 0;
	f->stop = OP_RUN;
	f->n_writes = 0;
	f->bytes_written = f->bytes_read_back = 0;
	f->begins = f->state_writes = f->flushes_done = f->commits = 0;
}

void fake_server_crash(struct fake_server *f)
{
	if (f->length)
		memcpy(f->bytes, f->stable, f->length);
}

struct fake {
	struct sink sink;
	struct fake_server *server;
};

static struct fake_server *server_of(struct sink *s)
{
	return ((struct fake *)s)->server;
}

static int fake_begin(
	struct sink *s, uint64_t length, bool resume, struct op *op, struct error **err)
{
	(void)op;
	struct fake_server *f = server_of(s);
	f->begins++;
	if (f->begin_fails)
		return err_set(err, ERR_SHARE_ACCESS, "no");
	assert(!resume || f->length == length);
	if (!resume) {
		drop_partial(f);
		f->bytes = xcalloc(1, length);
		f->stable = xcalloc(1, length);
		f->length = length;
	}
	return 0;
}

static int log_write(struct fake_server *f, size_t len, uint64_t offset, struct error **err)
{
	if (f->to_come != UINT64_MAX && f->to_come-- == 0) {
		f->to_come = 0;
		if (f->stops) {
			f->stop = OP_STOP_CANCEL;
			return op_stop_error(OP_STOP_CANCEL, err);
		}
		if (f->fails)
			return err_set(err, f->code, "write %zu", f->n_writes);
	}
	assert(f->n_writes < FAKE_WRITES_MAX);
	f->writes[f->n_writes++] = (struct fake_write){offset, len};
	f->bytes_written += len;
	return 0;
}

static void maybe_crash(struct sink *s, uint64_t *count)
{
	if (*count == UINT64_MAX || (*count)-- > 0)
		return;
	*count = UINT64_MAX;
	fake_server_crash(server_of(s));
	s->breaks++;
}

static void stable_by_chance(struct fake_server *f, uint64_t offset, size_t len)
{
	for (uint64_t end = offset + len; offset < end;) {
		uint64_t stop = min_u64(round_down(offset, 64 * KiB) + 64 * KiB, end);
		if (offset / (64 * KiB) % 2)
			memcpy(f->stable + offset, f->bytes + offset, stop - offset);
		offset = stop;
	}
}

static int fake_pwrite(struct sink *s, unsigned lane, const void *buf, size_t len, uint64_t offset,
	struct error **err)
{
	struct fake_server *f = server_of(s);
	assert(!atomic_exchange(&f->busy[lane], true));
	if (f->write_us)
		usleep(f->write_us);
	pthread_mutex_lock(&f->lock);
	int rc = log_write(f, len, offset, err);
	maybe_crash(s, &f->crash_in_writes);
	if (rc == 0)
		memcpy(f->bytes + offset, buf, len);
	if (rc == 0 && f->durable)
		memcpy(f->stable + offset, buf, len);
	else if (rc == 0 && !f->flushes)
		stable_by_chance(f, offset, len);
	pthread_mutex_unlock(&f->lock);
	f->busy[lane] = false;
	return rc;
}

static int fake_pread(
	struct sink *s, unsigned lane, void *buf, size_t len, uint64_t offset, struct error **err)
{
	struct fake_server *f = server_of(s);
	assert(!atomic_exchange(&f->busy[lane], true));
	pthread_mutex_lock(&f->lock);
	maybe_crash(s, &f->crash_in_reads);
	memcpy(buf, f->bytes + offset, len);
	f->bytes_read_back += len;
	pthread_mutex_unlock(&f->lock);
	f->busy[lane] = false;
	return f->pread_fails ? err_set(err, ERR_SHARE_LOST, "no") : 0;
}

static int fake_state_read(struct sink *s, char **ret, struct error **err)
{
	(void)err;
	struct fake_server *f = server_of(s);
	*ret = f->state ? xstrdup(f->state) : NULL;
	return 0;
}

static int fake_state_write(struct sink *s, const char *text, struct error **err)
{
	struct fake_server *f = server_of(s);
	if (f->state_fails)
		return err_set(err, ERR_SHARE_LOST, "no");
	f->state_writes++;
	free(f->state);
	f->state = xstrdup(text);
	return 0;
}

static int fake_flush(struct sink *s, struct error **err)
{
	struct fake_server *f = server_of(s);
	if (f->flush_fails)
		return err_set(err, ERR_SHARE_LOST, "no");
	pthread_mutex_lock(&f->lock);
	if (f->flushes)
		memcpy(f->stable, f->bytes, f->length);
	f->flushes_done++;
	pthread_mutex_unlock(&f->lock);
	return 0;
}

static int fake_commit(struct sink *s, struct error **err)
{
	struct fake_server *f = server_of(s);
	if (f->commit_fails)
		return err_set(err, ERR_TARGET_EXISTS, "no");
	if (f->crash_commits) {
		f->crash_commits--;
		maybe_crash(s, &(uint64_t){0});
	}
	if (s->breaks != s->trusted)
		return err_set(err, ERR_SHARE_LOST, "broken since");
	f->commits++;
	free(f->final);
	f->final = TAKE_PTR(f->bytes);
	drop_partial(f);
	return 0;
}

static void fake_close(struct sink *s, bool keep)
{
	struct fake_server *f = server_of(s);
	if (f->begins && !keep)
		drop_partial(f);
	free(s);
}

static const struct sink_ops fake_ops = {
	.name = "fake",
	.begin = fake_begin,
	.pwrite = fake_pwrite,
	.pread = fake_pread,
	.state_read = fake_state_read,
	.state_write = fake_state_write,
	.flush = fake_flush,
	.commit = fake_commit,
	.close = fake_close,
};

struct sink *fake_sink(struct fake_server *f)
{
	struct fake *s = xcalloc(1, sizeof(*s));
	s->sink.ops = &fake_ops;
	s->sink.target = xstrdup("fake");
	s->sink.lanes = f->lanes ? f->lanes : FAKE_LANES;
	s->sink.min_hole = 16384;
	s->sink.partial_size = f->length;
	s->sink.stop = &f->stop;
	s->server = f;
	return &s->sink;
}
