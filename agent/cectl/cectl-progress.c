/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cectl.h"

#include <inttypes.h>
#include <string.h>
#include <sys/ioctl.h>

#include "op.h"

#define LINE_INTERVAL_US 10000000 /* where there is no terminal: a log wants few lines */

static bool bar_shown;

const char *format_bytes(uint64_t n, char *buf, size_t size)
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
	double x = (double)n;
	size_t u = 0;
	while (x >= 1024 && u + 1 < ARRAY_SIZE(units)) {
		x /= 1024;
		u++;
	}
	snprintf(buf, size, u && x < 100 ? "%.1f %s" : "%.0f %s", x, units[u]);
	return buf;
}

static unsigned terminal_width(void)
{
	struct winsize ws;
	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &ws) == 0 && ws.ws_col >= 40)
		return ws.ws_col;
	return 80;
}

/* "3.9 GiB of 9.0 GiB  812 MiB/s  0:06 left" */
static void describe(const struct progress_view *v, char *buf, size_t size)
{
	char done[32], total[32], rate[32];
	size_t n = 0;
	buf[0] = '\0';
	if (v->total > 1 && v->done)
		n += (size_t)snprintf(buf + n, size - n, "  %s of %s",
			format_bytes(v->done, done, sizeof(done)),
			format_bytes(v->total, total, sizeof(total)));
	if (v->bytes_per_second)
		n += (size_t)snprintf(buf + n, size - n, "  %s/s",
			format_bytes(v->bytes_per_second, rate, sizeof(rate)));
	if (v->eta_seconds >= 0)
		snprintf(buf + n, size - n, "  %" PRId64 ":%02" PRId64 " left", v->eta_seconds / 60,
			v->eta_seconds % 60);
}

static void show_bar(const struct progress_view *v, const char *text)
{
	unsigned width = terminal_width();
	unsigned fixed = 8 + 2 + 2 + 8 + (unsigned)strlen(text) + 1;
	unsigned cells = width > fixed + 10 ? width - fixed : 10;
	if (cells > 40)
		cells = 40;
	unsigned full = (unsigned)(v->percent / 100 * cells);
	fprintf(stderr, "\r%-8.8s [", v->step ? v->step : "");
	for (unsigned i = 0; i < cells; i++)
		fputc(i < full ? '#' : '.', stderr);
	fprintf(stderr, "] %5.1f %%%s\033[K", v->percent, text);
	fflush(stderr);
	bar_shown = true;
}

static void show_line(const struct progress_view *v, const char *text)
{
	static char last_step[32];
	static int64_t last_us;
	int64_t now = op_now_us();
	const char *step = v->step ? v->step : "";
	if (!*step)
		return; /* accepted, not begun */
	if (strncmp(step, last_step, sizeof(last_step) - 1) == 0 &&
		now - last_us < LINE_INTERVAL_US)
		return;
	snprintf(last_step, sizeof(last_step), "%s", step);
	last_us = now;
	fprintf(stderr, "%s: %.0f %%%s\n", step, v->percent, text);
}

void progress_show(const struct progress_view *v)
{
	char text[128];
	describe(v, text, sizeof(text));
	if (isatty(STDERR_FILENO))
		show_bar(v, text);
	else
		show_line(v, text);
}

void progress_end(void)
{
	if (bar_shown)
		fputc('\n', stderr);
	bar_shown = false;
}
