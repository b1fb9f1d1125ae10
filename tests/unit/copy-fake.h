/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Both ends of a copy, made for tests: a disk in memory, and a server that logs, fails and crashes. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "disk.h"
#include "sink.h"

/* bytes: the caller's, size of them; read only. sectors of 512. */
struct disk *fake_disk(const uint8_t *bytes, uint64_t size);

#define FAKE_LANES	3
#define FAKE_LANES_MAX	8
#define FAKE_WRITES_MAX 65536

struct fake_write {
	uint64_t offset;
	size_t len;
};

/* What outlives the process that exports: files and their faults. All zero: nothing there. */
struct fake_server {
	/* the temporary file as clients see it, and what of it a crash leaves */
	uint8_t *bytes, *stable;
	uint64_t length; /* of the temporary file; 0: none */
	char *state;	 /* NULL: none */
	uint8_t *final;	 /* NULL: none */
	bool durable;	 /* writes are stable at once: a "crash" is but a connection that breaks */
	bool flushes; /* flush works; else every other 64 KiB is stable by chance, as on a share */
	unsigned lanes; /* 0: FAKE_LANES */
	uint64_t
		to_come; /* writes before the first that fails, or that is asked to stop; counts down */
	bool fails, stops;
	enum err_code code; /* of the failure */
	/* A crash in that many writes or reads (counts down); so many commits meet one. */
	uint64_t crash_in_writes, crash_in_reads;
	unsigned crash_commits;
	bool begin_fails, flush_fails, state_fails, commit_fails, pread_fails;
	unsigned write_us; /* how long a write takes */
	/* what happened */
	pthread_mutex_t lock;
	atomic_int stop; /* for struct op */
	struct fake_write *writes;
	size_t n_writes;
	uint64_t bytes_written, bytes_read_back;
	unsigned begins, state_writes, flushes_done, commits;
	atomic_bool busy[FAKE_LANES_MAX];
};

void fake_server_init(struct fake_server *f);
void fake_server_done(struct fake_server *f);
/* Forgets what happened and what should fail; the files stay. */
void fake_server_calm(struct fake_server *f);
/* Power is lost: what is not stable is as it was. */
void fake_server_crash(struct fake_server *f);

/* The sink is its caller's to close; the server outlives it. op->stop becomes the server's. */
struct sink *fake_sink(struct fake_server *f);
