/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The context of one operation: progress, warnings and cancellation travel in it. Reporting and
 * asking "go on?" are one call, op_tick(): a loop that reports can be stopped. Every loop over more
 * than 1 MiB or 1,000 items calls it; the rate limit is inside.
 *
 * One thread at a time uses an op; op_stopped() alone may be called from any thread.
 */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

#include "errors.h"

enum op_stop { OP_RUN = 0, OP_STOP_CANCEL = 1, OP_STOP_TIMEOUT = 2 };

enum op_event_kind { OP_EVENT_STEP, OP_EVENT_PROGRESS, OP_EVENT_WARNING, OP_EVENT_NOTE };

struct op_event {
	enum op_event_kind kind;
	const char *step;	   /* stable kebab-case name of the current step, or NULL */
	double percent;		   /* of the whole operation, 0 to 100, never goes back */
	uint64_t done, total;	   /* of the step, in bytes or items; total 0: unknown */
	uint64_t bytes_per_second; /* recent rate; 0: unknown */
	int64_t eta_seconds;	   /* of the step; -1: unknown */
	const char *code;	   /* warning: stable kebab-case code */
	const char *message;	   /* warning, note */
};

typedef void op_report_fn(void *data, const struct op_event *event);

struct op {
	op_report_fn *report; /* may be NULL */
	void *report_data;
	const atomic_int *stop; /* an enum op_stop, set by a signal handler; may be NULL */
	bool wrote;		/* set with op_wrote(): decides exit status 1 or 3 */
	/* private */
	unsigned no_cancel;
	const char *step;
	double base, share, percent;
	uint64_t done, total;
	int64_t step_start_us, last_report_us, rate_us;
	uint64_t rate_done;
	double rate;
};

/* A context that reports to nobody and cannot be stopped is `(struct op){0}`. */
void op_init(struct op *op, op_report_fn *report, void *data, const atomic_int *stop);

/*
 * Begins a step that accounts for share percent of the whole operation and has total units (0:
 * unknown). What the step before it had left of its share counts as done.
 */
void op_begin(struct op *op, const char *step, uint64_t total, double share);
/* done units of the current step; fails with ERR_CANCELED or ERR_TIMEOUT when asked to stop. */
int op_tick(struct op *op, uint64_t done, struct error **err);
/* The whole operation is complete: reports 100 %. */
void op_finish(struct op *op);

enum op_stop op_stopped(const struct op *op);
/* The error of a stop, where a caller noticed it by op_stopped(). */
int op_stop_error(enum op_stop stop, struct error **err);

void op_warn(struct op *op, const char *code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void op_note(struct op *op, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* From here on the output (or the disk) has been written to. */
static inline void op_wrote(struct op *op)
{
	op->wrote = true;
}

/* Cancellation waits until the scope ends: for commits that must not stop half way. */
static inline struct op *op_commit_begin(struct op *op)
{
	op->no_cancel++;
	return op;
}

static inline void op_commit_end(struct op **op)
{
	(*op)->no_cancel--;
}

#define OP_COMMIT_SCOPE(ctx)                                                         \
	struct op *op_commit_scope_ CLEANUP(op_commit_end) __attribute__((unused)) = \
		op_commit_begin(ctx)

int64_t op_now_us(void); /* monotonic clock */
