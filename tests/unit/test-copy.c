/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The copy engine: exactly these writes, these bytes, these hashes; and an end to every failure. */
#include "copy-util.h"

#include <sys/resource.h>

#include "disk-fault.h"

static const struct {
	enum image_format format;
	enum image_type type;
	uint32_t block;
} formats[] = {
	{IMAGE_RAW, IMAGE_DYNAMIC, 0},
	{IMAGE_VHDX, IMAGE_DYNAMIC, MiB},
	{IMAGE_VHDX, IMAGE_FIXED, 2 * MiB},
	{IMAGE_VHD, IMAGE_DYNAMIC, 512 * KiB},
	{IMAGE_VHD, IMAGE_FIXED, 0},
};

/* ---- what is written ---- */

static int by_offset(const void *a, const void *b)
{
	const struct fake_write *x = a, *y = b;
	return x->offset < y->offset ? -1 : x->offset > y->offset;
}

/* A megabyte without a zero but for 16 KiB (a hole) and 8 KiB (not worth one). */
static void fill_known(struct rig *r)
{
	memset(r->bytes, 0xa5, r->size);
	memset(r->bytes + 147456, 0, 16384);
	memset(r->bytes + 180224, 0, 8192);
	ranges_add(&r->map, 0, 4096);
	ranges_add(&r->map, 8192, 12288); /* 4 KiB gap: read and written over, as zeros */
	ranges_add(&r->map, 131072, 262144);
	ranges_add(&r->map, 600064, 600576); /* one sector */
}

static void check_writes(uint64_t slot, const struct fake_write *want, size_t n, uint64_t read)
{
	struct rig r;
	rig_init(&r, 1, MiB, slot);
	fill_known(&r);
	ck_ok(rig_run(&r, NULL, &err));
	rig_check(&r);
	qsort(r.server.writes, r.server.n_writes, sizeof(*want), by_offset);
	ck_assert_uint_eq(r.server.n_writes, n);
	uint64_t sum = 0;
	for (size_t i = 0; i < n; i++) {
		ck_assert_uint_eq(r.server.writes[i].offset, want[i].offset);
		ck_assert_uint_eq(r.server.writes[i].len, want[i].len);
		sum += want[i].len;
	}
	ck_assert_uint_eq(r.result.bytes_written, sum);
	ck_assert_uint_eq(r.result.bytes_read, read);
	ck_assert_uint_eq(r.result.zero_bytes, 16384);
	ck_assert_uint_eq(r.result.bytes_resumed, 0);
	rig_done(&r);
}

START_TEST(exact_writes)
{
	static const struct fake_write small[] = {
		{0, 12288}, {131072, 16384}, {163840, 32768}, {196608, 65536}, {600064, 512}};
	static const struct fake_write large[] = {
		{0, 12288}, {131072, 16384}, {163840, 98304}, {600064, 512}};
	check_writes(64 * KiB, small, ARRAY_SIZE(small), 12288 + 131072 + 512);
	/* In one unit now: what is nearer than COPY_JOIN is read in one go. */
	check_writes(MiB, large, ARRAY_SIZE(large), 262144 + 512);
}
END_TEST

/* Headers last, and only after all else was flushed. */
START_TEST(sealed_last)
{
	struct rig r;
	rig_init(&r, 2, 4 * MiB, MiB);
	rig_fill(&r);
	rig_image(&r, IMAGE_VHDX, IMAGE_DYNAMIC, MiB);
	ck_ok(rig_run(&r, NULL, &err));
	rig_check(&r);
	size_t last = r.server.n_writes - 1;
	for (size_t i = 0; i < last; i++)
		ck_assert_uint_ge(r.server.writes[i].offset, MiB);
	ck_assert_uint_eq(r.server.writes[last].offset, 0);
	ck_assert_uint_eq(r.server.writes[last].len, MiB);
	ck_assert_uint_ge(r.server.flushes_done, 1);
	rig_done(&r);
}
END_TEST

/* ---- the bytes and the hashes ---- */

static void hex(const uint8_t *p, size_t n, char *ret)
{
	for (size_t i = 0; i < n; i++)
		sprintf(ret + 2 * i, "%02x", p[i]);
}

/* By md5sum and sha256sum, of a raw file of the virtual size with what is not in the map zeroed. */
static void check_hashes(struct rig *r)
{
	CLEANUP_FREE char *path = xasprintf("%s/raw", unit_tmp());
	struct layout *l = rig_layout(r);
	size_t size = (size_t)layout_virtual_size(l);
	CLEANUP_FREE uint8_t *raw = xcalloc(1, size);
	RANGES_FOREACH (p, layout_map(l))
		memcpy(raw + p->start, r->bytes + p->start, p->end - p->start);
	layout_free(l);
	ck_ok(file_write_atomic(path, raw, size, 0600, &err));
	char md5[33], sha256[65];
	ck_assert(r->result.have_md5 && r->result.have_sha256);
	hex(r->result.md5, 16, md5);
	hex(r->result.sha256, 32, sha256);
	ck_assert_int_eq(unit_run("echo '%s  %s' | md5sum -c --quiet && "
				  "echo '%s  %s' | sha256sum -c --quiet",
				 md5, path, sha256, path),
		0);
}

START_TEST(random_copies)
{
	for (uint64_t seed = 1; seed <= 40; seed++) {
		struct rig r;
		uint64_t state = seed * 1000;
		uint64_t size = 512 * (1 + util_random_below(&state, 12000));
		/* A seal of 1 MiB goes in one write. */
		uint64_t slot = formats[seed % 5].format == IMAGE_VHDX ? MiB : SLOT;
		rig_init(&r, seed, size, slot << seed % 3);
		rig_fill(&r);
		r.server.lanes = 1 + seed % 4;
		r.options.readers = 1 + (unsigned)(seed / 4) % 3;
		r.options.md5 = r.options.sha256 = true;
		rig_image(&r, formats[seed % 5].format, formats[seed % 5].type,
			formats[seed % 5].block);
		ck_ok(rig_run(&r, NULL, &err));
		rig_check(&r);
		check_hashes(&r);
		ck_assert_uint_le(r.result.bytes_read, r.size);
		rig_done(&r);
	}
}
END_TEST

/* What another program reads from the file that the local sink wrote is the source, by direct I/O. */
START_TEST(files_by_qemu)
{
	CLEANUP_FREE char *source = xasprintf("%s/source", unit_tmp());
	struct rig r;
	rig_init(&r, 77, 24 * MiB, 8 * MiB);
	rig_fill(&r);
	ranges_add(&r.map, 0, r.size);
	ck_ok(file_write_atomic(source, r.bytes, r.size, 0600, &err));
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
		CLEANUP_FREE char *target = xasprintf("%s/image%zu", unit_tmp(), i);
		rig_image(&r, formats[i].format, formats[i].type, formats[i].block);
		struct disk *d = NULL;
		struct sink *s = NULL;
		struct sink_options so = {.target = target, .pool = &r.pool};
		ck_ok(disk_open(&d, source, DISK_OPEN_RAW | DISK_OPEN_DIRECT, &err));
		ck_ok(sink_open(&s, &so, &r.op, &err));
		struct layout *l = rig_layout(&r);
		ck_ok(copy_run(d, l, s, &r.pool, &r.options, 100, &r.op, &r.result, &err));
		sink_close(s, false);
		layout_free(l);
		disk_close(d);
		static const char *const drivers[] = {
			"raw", "vpc,force_size_calc=current_size", "vhdx"};
		ck_assert_int_eq(unit_run("qemu-img compare -q --image-opts "
					  "driver=raw,file.filename=%s "
					  "driver=%s,file.filename=%s",
					 source, drivers[formats[i].format], target),
			0);
		ck_assert_int_eq(
			unit_run("test ! -e %s.ce-partial -a ! -e %s.ce-state", target, target), 0);
	}
	rig_done(&r);
}
END_TEST

START_TEST(hash_only)
{
	struct rig r;
	rig_init(&r, 5, 3 * MiB + 512, SLOT);
	rig_fill(&r);
	r.options = (struct copy_options){.md5 = true, .sha256 = true};
	struct disk *d = fake_disk(r.bytes, r.size);
	ck_ok(copy_hash(d, &r.map, &r.options, 100, &r.op, &r.result, &err));
	check_hashes(&r);
	ck_ok(copy_hash(d, NULL, &r.options, 100, &r.op, &r.result, &err));
	ranges_add(&r.map, 0, r.size);
	check_hashes(&r);
	ck_assert_uint_eq(r.result.bytes_read, r.size);
	disk_close(d);
	rig_done(&r);
}
END_TEST

/* ---- failures ---- */

static void failing_rig(struct rig *r)
{
	rig_init(r, 9, 4 * MiB, MiB);
	rig_fill(r);
	r->options.md5 = r->options.sha256 = true;
	rig_image(r, IMAGE_VHDX, IMAGE_DYNAMIC, MiB);
}

static void check_failed(struct rig *r)
{
	ck_assert_ptr_null(r->server.final);
	ck_assert_uint_eq(r->server.commits, 0);
	/* Whatever it was: the next export is whole. */
	fake_server_calm(&r->server);
	ck_ok(rig_run(r, NULL, &err));
	rig_check(r);
	free(TAKE_PTR(r->server.final));
	fake_server_calm(&r->server);
}

START_TEST(read_errors)
{
	struct rig r;
	failing_rig(&r);
	struct disk_fault *f = disk_fault_new(fake_disk(r.bytes, r.size));
	ck_ok(rig_run(&r, &f->disk, &err));
	rig_check(&r);
	free(TAKE_PTR(r.server.final));
	fake_server_calm(&r.server);
	unsigned failures = 0;
	/* Each piece of the map once, until there is none that fails. */
	for (uint64_t n = 0;; n++) {
		struct error *err = NULL;
		f = disk_fault_new(fake_disk(r.bytes, r.size));
		RANGES_FOREACH (p, &r.map)
			if (n < r.map.n && p == &r.map.v[n]) {
				f->bad_start = p->start;
				f->bad_end = p->start + 1;
			}
		int rc = rig_run(&r, &f->disk, &err);
		if (n == r.map.n) {
			ck_assert_msg(rc == 0, "%s", err ? err->message : "");
			break;
		}
		ck_assert(rc < 0 && err->code == ERR_DISK_READ);
		ck_assert_str_eq(err->step, "copy");
		err_free(err);
		failures++;
		check_failed(&r);
	}
	ck_assert_uint_ge(failures, 20);
	rig_done(&r);
}
END_TEST

/* Between two pieces that are read in one go lies a bad sector that nobody needs. */
START_TEST(bad_sector_not_kept)
{
	struct rig r;
	rig_init(&r, 3, MiB, MiB);
	fill_known(&r);
	struct disk_fault *f = disk_fault_new(fake_disk(r.bytes, r.size));
	f->bad_start = 4096;
	f->bad_end = 8192;
	ck_ok(rig_run(&r, &f->disk, &err));
	rig_check(&r);
	rig_done(&r);
}
END_TEST

START_TEST(write_errors)
{
	static const enum err_code codes[] = {ERR_NO_SPACE, ERR_SHARE_LOST, ERR_WRITE};
	struct rig r;
	failing_rig(&r);
	ck_ok(rig_run(&r, NULL, &err));
	size_t n = r.server.n_writes;
	ck_assert_uint_ge(n, 10);
	free(TAKE_PTR(r.server.final));
	for (size_t i = 0; i < n; i++) {
		fake_server_calm(&r.server);
		r.server.to_come = i;
		r.server.fails = true;
		r.server.code = codes[i % 3];
		ck_fails(rig_run(&r, NULL, &err), codes[i % 3], "write");
		check_failed(&r);
	}
	rig_done(&r);
}
END_TEST

START_TEST(other_errors)
{
	struct rig r;
	failing_rig(&r);
	bool *const faults[] = {
		&r.server.begin_fails, &r.server.flush_fails, &r.server.commit_fails};
	static const enum err_code codes[] = {ERR_SHARE_ACCESS, ERR_SHARE_LOST, ERR_TARGET_EXISTS};
	for (size_t i = 0; i < ARRAY_SIZE(faults); i++) {
		*faults[i] = true;
		ck_fails(rig_run(&r, NULL, &err), codes[i], "no");
		/* Nothing is written before begin succeeds: exit status 3, not 1. */
		ck_assert(r.op.wrote == (i > 0));
		check_failed(&r);
	}
	/* A state that cannot be saved is not the export's failure. */
	r.server.state_fails = true;
	ck_ok(rig_run(&r, NULL, &err));
	rig_check(&r);
	rig_done(&r);
}
END_TEST

START_TEST(cancels)
{
	struct rig r;
	failing_rig(&r);
	ck_ok(rig_run(&r, NULL, &err));
	size_t n = r.server.n_writes;
	free(TAKE_PTR(r.server.final));
	for (size_t i = 0; i < n; i++) {
		fake_server_calm(&r.server);
		r.server.to_come = i;
		r.server.stops = true;
		ck_fails(rig_run(&r, NULL, &err), ERR_CANCELED, NULL);
		check_failed(&r);
	}
	fake_server_calm(&r.server);
	r.server.stop = OP_STOP_TIMEOUT;
	ck_fails(rig_run(&r, NULL, &err), ERR_TIMEOUT, NULL);
	rig_done(&r);
}
END_TEST

/* ---- memory ---- */

struct endless_disk {
	struct disk disk;
};

static int endless_pread(struct disk *d, void *buf, size_t len, uint64_t offset, struct error **err)
{
	(void)d, (void)err;
	memset(buf, (int)(offset / MiB % 255 + 1), len);
	return 0;
}

static void endless_close(struct disk *d)
{
	free(d);
}

static const struct disk_ops endless_ops = {
	.name = "endless", .pread = endless_pread, .close = endless_close};

/* 64 TiB with a hundred pieces in it; a pool as a worker has it. */
START_TEST(memory)
{
	CLEANUP_FREE char *target = xasprintf("%s/large", unit_tmp());
	struct disk *d = xcalloc(1, sizeof(struct endless_disk));
	*d = (struct disk){.ops = &endless_ops,
		.name = xstrdup("endless"),
		.size = 64 * TiB,
		.logical_sector = 512,
		.physical_sector = 4096,
		.io_alignment = 1};
	struct rig r;
	rig_init(&r, 4, 4096, SLOT);
	pool_done(&r.pool);
	unsigned n;
	size_t buf_size;
	copy_pool_shape(0, &n, &buf_size);
	ck_ok(pool_init(&r.pool, n, buf_size, &err));
	for (uint64_t i = 0; i < 100; i++)
		ranges_add(&r.map, i * (64 * TiB / 100), i * (64 * TiB / 100) + (i % 8 + 1) * MiB);
	rig_image(&r, IMAGE_VHDX, IMAGE_DYNAMIC, 0);
	r.size = d->size;
	struct layout *l = rig_layout(&r);
	struct sink *s = NULL;
	struct sink_options so = {.target = target, .pool = &r.pool};
	ck_ok(sink_open(&s, &so, &r.op, &err));
	ck_ok(copy_run(d, l, s, &r.pool, &r.options, 100, &r.op, &r.result, &err));
	sink_close(s, false);
	ck_assert_uint_eq(r.result.bytes_read, layout_data_bytes(l));
	ck_assert_int_eq(unit_run("qemu-img info %s | grep -q 'virtual size: 64 TiB'", target), 0);
	layout_free(l);
	disk_close(d);
	rig_done(&r);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
	struct rusage usage;
	ck_assert_int_eq(getrusage(RUSAGE_SELF, &usage), 0);
	ck_assert_int_le(usage.ru_maxrss, 100 * 1024);
#endif
}
END_TEST

UNIT_MAIN("copy", exact_writes, sealed_last, random_copies, files_by_qemu, hash_only, read_errors,
	bad_sector_not_kept, write_errors, other_errors, cancels, memory)
