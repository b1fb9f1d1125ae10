/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "op.h"

#include <string.h>
#include <time.h>

#include "mem.h"

/* At most ten reports a second: a terminal redraws, an appliance polls more slowly anyway. */
#define REPORT_INTERVAL_US 100000
/* The rate is an average over about this long, so that it neither jumps nor lags. */
#define RATE_WINDOW_US 3000000.0

int64_t op_now_us(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

void op_init(struct op *op, op_report_fn *report, void *data, const atomic_int *stop)
{
	*op = (struct op){.report = report, .report_data = data, .stop = stop};
}

static void update_percent(struct op *op)
{
	double part = op->total ? (double)op->done / (double)op->total : 0;
	double percent = op->base + op->share * (part > 1 ? 1 : part);
	if (percent > 100)
		percent = 100;
	if (percent > op->percent)
		op->percent = percent;
}

static void update_rate(struct op *op, int64_t now)
{
	int64_t us = now - op->rate_us;
	if (us < REPORT_INTERVAL_US)
		return;
	double instant = (double)(op->done - op->rate_done) * 1e6 / (double)us;
	double weight = (double)us / RATE_WINDOW_US;
	if (weight > 1 || op->rate == 0)
		weight = 1;
	op->rate += (instant - op->rate) * weight;
	op->rate_us = now;
	op->rate_done = op->done;
}

static void report(struct op *op, enum op_event_kind kind, const char *code, const char *message)
{
	if (!op->report)
		return;
	struct op_event ev = {
		.kind = kind,
		.step = op->step,
		.percent = op->percent,
		.done = op->done,
		.total = op->total,
		.bytes_per_second = op->rate > 0 ? (uint64_t)op->rate : 0,
		.eta_seconds = -1,
		.code = code,
		.message = message,
	};
	if (op->total > op->done && op->rate >= 1)
		ev.eta_seconds = (int64_t)((double)(op->total - op->done) / op->rate);
	op->report(op->report_data, &ev);
}

void op_begin(struct op *op, const char *step, uint64_t total, double share)
{
	op->base += op->share;
	op->share = share;
	op->step = step;
	op->total = total;
	op->done = 0;
	op->rate = 0;
	op->rate_done = 0;
	op->step_start_us = op->rate_us = op->last_report_us = op_now_us();
	update_percent(op);
	report(op, OP_EVENT_STEP, NULL, NULL);
}

enum op_stop op_stopped(const struct op *op)
{
	if (!op->stop || op->no_cancel)
		return OP_RUN;
	return (enum op_stop)atomic_load_explicit(op->stop, memory_order_relaxed);
}

int op_stop_error(enum op_stop stop, struct error **err)
{
	if (stop == OP_STOP_TIMEOUT)
		return err_set(err, ERR_TIMEOUT, "the job's time limit has passed");
	return err_set(err, ERR_CANCELED, "canceled on request");
}

int op_tick(struct op *op, uint64_t done, struct error **err)
{
	enum op_stop stop = op_stopped(op);
	if (stop != OP_RUN) {
		op_stop_error(stop, err);
		return err_step(err, op->step);
	}
	op->done = done;
	int64_t now = op_now_us();
	if (now - op->last_report_us < REPORT_INTERVAL_US && (done != op->total || !op->total))
		return 0;
	op->last_report_us = now;
	update_rate(op, now);
	update_percent(op);
	report(op, OP_EVENT_PROGRESS, NULL, NULL);
	return 0;
}

void op_finish(struct op *op)
{
	op->base = 100;
	op->share = 0;
	op->done = op->total;
	update_percent(op);
	report(op, OP_EVENT_PROGRESS, NULL, NULL);
}

void op_warn(struct op *op, const char *code, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	CLEANUP_FREE char *message = xvasprintf(fmt, ap);
	va_end(ap);
	report(op, OP_EVENT_WARNING, code, message);
}

void op_note(struct op *op, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	CLEANUP_FREE char *message = xvasprintf(fmt, ap);
	va_end(ap);
	report(op, OP_EVENT_NOTE, NULL, message);
}
