/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How much room on the Windows volume a plan needs. What is known is counted; for the rest there are bounds,
 * and a plan that needs more after all fails on the overlay, where nothing was written yet either.
 */
#include "plan-room.h"

#include <inttypes.h>

#include "checked.h"

/* A new file beside its content: an MFT record, a block more in its folder's index. */
#define FILE_COST (8 * KiB)
/* A hive that is changed, beside its new values: hivex writes lists of keys and values anew at its end. */
#define HIVE_COST (256 * KiB)
/* For Windows itself: its hives' logs, which a preparation leaves empty, and what it writes while it starts. */
#define RESERVE (2 * MiB)

struct room {
	uint64_t files, registry; /* bytes */
};

static struct room count(const struct plan *p, const struct guest *g)
{
	struct room r = {0};
	bool touched[_HIVE_MAX] = {false};
	uint64_t cluster = ntfs_volume_facts(g->volume)->cluster_size;
	for (size_t i = 0; i < p->n; i++) {
		const struct action *a = &p->v[i];
		if (a->kind == ACT_FILE_PUT) {
			r.files += round_up(a->size, cluster) + FILE_COST;
		} else if (a->kind != ACT_FILE_DELETE && a->hive != HIVE_BCD) {
			r.registry += a->value.len;
			touched[a->hive] = true;
		}
	}
	for (enum hive_id id = 0; id < _HIVE_MAX; id++)
		if (touched[id])
			r.registry += HIVE_COST;
	return r;
}

int plan_volume_full(struct error **err)
{
	/* With a hint it was not this volume that is full. */
	if ((*err)->code != ERR_NO_SPACE || (*err)->hint)
		return -1;
	return err_hint(
		err, "start this Windows and free space on its system drive, or enlarge it");
}

int plan_check_room(const struct plan *p, const struct guest *g, struct error **err)
{
	struct room r = count(p, g);
	uint64_t need = r.files + r.registry + RESERVE, room;
	if (ntfs_volume_free_bytes(g->volume, need, &room, err) < 0)
		return -1;
	if (room >= need)
		return 0;
	return err_set(err, ERR_NO_SPACE,
		"the Windows volume has %" PRIu64 " bytes free, %" PRIu64
		" are needed: files %" PRIu64 ", registry %" PRIu64
		", for Windows to start %" PRIu64,
		room, need, r.files, r.registry, (uint64_t)RESERVE);
}
