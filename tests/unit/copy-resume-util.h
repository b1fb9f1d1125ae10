/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Exports that are stopped and continued: what the tests of a resume share. */
#pragma once

#include "copy-util.h"
#include "jsonx.h"

/* A rig whose image is about a hundred slots; format by kind. */
static inline void make_rig(struct rig *r, uint64_t seed, unsigned kind)
{
	bool vhdx = kind % 3 == 2;
	rig_init(r, seed, vhdx ? 24 * MiB : 6 * MiB, vhdx ? MiB : SLOT);
	rig_fill(r);
	ranges_add(&r->map, r->size / 4, r->size / 4 + MiB);
	if (kind % 3 == 0)
		rig_image(r, IMAGE_RAW, IMAGE_DYNAMIC, 0);
	else if (kind % 3 == 1)
		rig_image(r, IMAGE_VHD, IMAGE_DYNAMIC, 512 * KiB);
	else
		rig_image(r, IMAGE_VHDX, IMAGE_DYNAMIC, MiB);
}

/* What the next process comes with: the same request, but ids of its own. */
static inline void new_process(struct rig *r)
{
	rig_image(r, r->image.format, r->image.type, r->image.block_size);
	fake_server_calm(&r->server);
}

static inline void interrupt(struct rig *r, uint64_t writes)
{
	fake_server_calm(&r->server);
	r->server.to_come = writes;
	r->server.stops = true;
	ck_fails(rig_run(r, NULL, &err), ERR_CANCELED, NULL);
	ck_assert_ptr_null(r->server.final);
}

/* Writes of an export that nobody disturbs. */
static inline size_t count_writes(struct rig *r)
{
	ck_ok(rig_run(r, NULL, &err));
	free(TAKE_PTR(r->server.final));
	return r->server.n_writes;
}

static inline bool in_slots(const json_t *slots, uint64_t slot)
{
	for (size_t i = 0; i < json_array_size(slots); i += 2) {
		uint64_t first = (uint64_t)json_integer_value(json_array_get(slots, i));
		uint64_t n = (uint64_t)json_integer_value(json_array_get(slots, i + 1));
		if (slot >= first && slot < first + n)
			return true;
	}
	return false;
}

static inline json_t *parse_state(const struct rig *r)
{
	json_t *state = NULL;
	ck_assert_ptr_nonnull(r->server.state);
	ck_ok(jsonx_parse(r->server.state, strlen(r->server.state), &state, &err));
	return state;
}

/* Resumes; what the state named is not written again, and not everything was. */
static inline void resume_and_check(struct rig *r)
{
	CLEANUP_JSON json_t *state = parse_state(r);
	const struct image_options old = r->image;
	new_process(r);
	ck_ok(rig_run(r, NULL, &err));
	ck_assert(guid_equal(&r->image.file_id, &old.file_id));
	ck_assert(guid_equal(&r->image.data_id, &old.data_id));
	ck_assert(guid_equal(&r->image.disk_id, &old.disk_id));
	ck_assert_uint_eq(r->image.timestamp, old.timestamp);
	rig_check(r);
	uint64_t slot_size = r->pool.buf_size - TAIL;
	size_t seal = r->image.format == IMAGE_RAW ? 0 : 1;
	ck_assert_uint_ge(r->server.n_writes, seal);
	for (size_t i = 0; i < r->server.n_writes - seal; i++)
		ck_assert(!in_slots(
			json_object_get(state, "slots"), r->server.writes[i].offset / slot_size));
	ck_assert_uint_gt(r->result.bytes_resumed, 0);
}
