/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a worker that was taken over may send its parent. */
#include <assert.h>
#include <string.h>

#include "worker-protocol.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct worker_event ev;
	struct error *err CLEANUP_ERR = NULL;
	if (worker_event_parse((const char *)data, size, &ev, &err) < 0) {
		assert(err && err->code == ERR_INTERNAL);
		return 0;
	}
	assert(ev.percent >= 0 && ev.percent <= 100 && ev.eta_seconds >= -1);
	assert((ev.kind == WORKER_ERROR) == (ev.error != NULL));
	assert(!ev.code ||
		strspn(ev.code, "abcdefghijklmnopqrstuvwxyz0123456789-") == strlen(ev.code));
	worker_event_done(&ev);
	return 0;
}
