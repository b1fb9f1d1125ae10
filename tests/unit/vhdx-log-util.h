/* SPDX-License-Identifier: GPL-3.0-or-later */
/* VHDX files with a log made by hand, and a model of what they are once it is replayed. */
#pragma once

#include "vhdx-util.h"

#define LOG	 (1 * MiB) /* where layout-vhdx.c puts it */
#define LOG_SIZE MiB
#define BAT	 (3 * MiB)
#define PAYLOAD	 (4 * MiB)
#define S	 VHDX_LOG_SECTOR

static const struct guid log_guid = {"a log's own guid"};
static struct util_disk disk = {.size = 8 * MiB, .seed = 50};
static uint8_t *model; /* the file as it must be after the replay */
static uint64_t model_size;
static char *image;

/* ---- making ---- */

struct write {
	uint64_t offset;
	uint64_t zero; /* length; 0: 4 KiB of data made of fill */
	uint64_t fill;
};

struct entry {
	uint32_t pos; /* in the log */
	uint64_t sequence;
	uint32_t tail;
	const struct write *writes;
	uint32_t n;
	uint64_t flushed, last;	 /* 0: the file's length */
	const struct guid *guid; /* NULL: log_guid */
};

static void fill_sector(uint8_t *sector, uint64_t fill)
{
	for (size_t i = 0; i < S; i++)
		sector[i] = (uint8_t)util_random(&fill);
}

static uint32_t data_count(const struct entry *e)
{
	uint32_t n = 0;
	for (uint32_t i = 0; i < e->n; i++)
		n += !e->writes[i].zero;
	return n;
}

static uint32_t entry_length(const struct entry *e)
{
	return (uint32_t)round_up(64 + 32 * e->n, S) + data_count(e) * S;
}

static void make_descriptors(const struct entry *e, struct vhdx_log_descriptor *d, uint8_t *data)
{
	for (uint32_t i = 0; i < e->n; i++) {
		const struct write *w = &e->writes[i];
		d[i].file_offset = le64_make(w->offset);
		d[i].sequence = le64_make(e->sequence);
		memcpy(d[i].signature, w->zero ? "zero" : "desc", 4);
		if (w->zero) {
			d[i].zero_length = le64_make(w->zero);
			continue;
		}
		fill_sector(data, w->fill);
		memcpy(d[i].leading, data, 8);
		memcpy(d[i].trailing, data + S - 4, 4);
		memcpy(data, "data", 4);
		le32_put(data + 4, (uint32_t)(e->sequence >> 32));
		le32_put(data + S - 4, (uint32_t)e->sequence);
		data += S;
	}
}

/* Into the log, round its end where need be; returns the position behind it. */
static uint32_t put_entry(const struct entry *e)
{
	uint32_t length = entry_length(e);
	CLEANUP_FREE uint8_t *b = xcalloc(1, length);
	struct vhdx_log_header *h = (void *)b;
	*h = (struct vhdx_log_header){.signature = "loge",
		.entry_length = le32_make(length),
		.tail = le32_make(e->tail),
		.sequence = le64_make(e->sequence),
		.descriptor_count = le32_make(e->n),
		.log_guid = e->guid ? *e->guid : log_guid,
		.flushed_file_offset = le64_make(e->flushed ? e->flushed : 12 * MiB),
		.last_file_offset = le64_make(e->last ? e->last : 12 * MiB)};
	make_descriptors(e, (void *)(h + 1), b + length - data_count(e) * S);
	vx_seal(b, length);
	for (uint32_t at = 0; at < length; at += S)
		vx_poke(image, LOG + (e->pos + at) % LOG_SIZE, b + at, S);
	return (e->pos + length) % LOG_SIZE;
}

/* The same writes, on the model. */
static void replay_on_model(const struct entry *e)
{
	for (uint32_t i = 0; i < e->n; i++) {
		const struct write *w = &e->writes[i];
		uint64_t length = w->zero ? w->zero : S;
		ck_assert_uint_le(w->offset + length, 64 * MiB);
		model_size = max_u64(model_size, w->offset + length);
		if (w->zero)
			memset(model + w->offset, 0, length);
		else
			fill_sector(model + w->offset, w->fill);
	}
	model_size = max_u64(model_size, e->last);
}

static void set_header(uint16_t log_version)
{
	struct vhdx_header h;
	vx_peek(image, VHDX_HEADER2, &h, sizeof(h));
	h.log_guid = log_guid;
	h.log_version = le16_make(log_version);
	vx_seal(&h, sizeof(h));
	vx_poke(image, VHDX_HEADER2, &h, sizeof(h));
}

/* An image of 8 blocks, 12 MiB long, that says it has a log. */
static void start(void)
{
	image = vx_path("log.vhdx");
	vx_make(image, &disk, NULL, 0, IMAGE_DYNAMIC, 1 * MiB);
	set_header(0);
	model = xcalloc(1, 64 * MiB);
	model_size = 12 * MiB;
	vx_peek(image, 0, model, model_size);
}

static void finish(void)
{
	free(model);
	free(image);
}

/* ---- checking ---- */

/* From the region tables on, less the log. */
static void check_file(const char *path)
{
	CLEANUP_FREE uint8_t *got = xmalloc(model_size);
	vx_peek(path, 0, got, model_size);
	CLEANUP(io_close_p) struct io *io = vx_io(path, false);
	ck_assert_uint_eq(io->size, model_size);
	for (uint64_t at = VHDX_REGIONS1; at < model_size; at += S)
		ck_assert_msg(
			(at >= LOG && at < LOG + LOG_SIZE) || memcmp(got + at, model + at, S) == 0,
			"%s: 4 KiB at 0x%" PRIx64 " differ", path, at);
}

/* The disk as the model has it: block b at PAYLOAD + b MiB unless its BAT entry says zero. */
static void check_disk(struct vhdx *v)
{
	CLEANUP_FREE uint8_t *got = xmalloc(disk.size), *want = xcalloc(1, disk.size);
	for (uint64_t block = 0; block < 8; block++) {
		uint64_t e = le64_at(model + BAT + 8 * block);
		if (VHDX_BAT_STATE(e) == VHDX_BLOCK_FULLY_PRESENT)
			memcpy(want + block * MiB, model + VHDX_BAT_OFFSET(e), MiB);
	}
	ck_ok(vhdx_pread(v, got, disk.size, 0, &err));
	ck_assert_int_eq(memcmp(got, want, disk.size), 0);
	for (uint64_t at = 0; at < disk.size - 999; at += 70001) {
		ck_ok(vhdx_pread(v, got, 999, at, &err));
		ck_assert_int_eq(memcmp(got, want + at, 999), 0);
	}
}

static void check_replay(bool qemu_too)
{
	CLEANUP_FREE char *theirs = vx_path("qemu.vhdx"), *before = vx_path("before.vhdx");
	ck_assert_int_eq(unit_run("cp %s %s && cp %s %s", image, theirs, image, before), 0);
	if (qemu_too) {
		ck_assert_int_eq(
			unit_run("qemu-img check -q -r all %s >/dev/null 2>&1", theirs), 0);
		check_file(theirs);
	}
	for (int write = 0; write < 2; write++) {
		CLEANUP(io_close_p) struct io *io = vx_io(image, write);
		CLEANUP(vhdx_close_p) struct vhdx *v = NULL;
		ck_ok(vhdx_open(&v, io, write ? VHDX_OPEN_WRITE : 0, NULL, &err));
		ck_assert(vhdx_info(v)->dirty_log);
		check_disk(v);
		if (!write)
			ck_assert_int_eq(unit_run("cmp %s %s", image, before), 0);
	}
	check_file(image);
	CLEANUP(io_close_p) struct io *io = vx_io(image, false);
	CLEANUP(vhdx_close_p) struct vhdx *v = NULL;
	ck_ok(vhdx_open(&v, io, 0, NULL, &err));
	ck_assert(!vhdx_info(v)->dirty_log);
	check_disk(v);
	CLEANUP_FREE char *findings = vx_findings(image);
	ck_assert_str_eq(findings, "");
	ck_assert_int_eq(unit_run("qemu-img check -q -f vhdx %s", image), 0);
}

static void check_refused(enum err_code code, const char *text)
{
	struct vhdx *v = NULL;
	CLEANUP_FREE char *before = vx_path("before.vhdx");
	ck_assert_int_eq(unit_run("cp %s %s", image, before), 0);
	for (int write = 0; write < 2; write++) {
		CLEANUP(io_close_p) struct io *io = vx_io(image, write);
		ck_fails(vhdx_open(&v, io, write ? VHDX_OPEN_WRITE : 0, NULL, &err), code, text);
	}
	ck_assert_int_eq(unit_run("cmp %s %s", image, before), 0);
}
