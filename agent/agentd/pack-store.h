/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Driver packs that clients uploaded, one folder each under STATE-DIR/packs, named by the pack:
 *
 *   PACK.json   the pack as the API shows it
 *   NAME/       what was in the archive: a folder as winprep/pack/pack.h reads it, named as it names packs
 *
 * A folder is there whole or not at all: an upload gathers in ".new-…" beside it and takes its place, or
 * the older pack's, by one rename. What begins with a dot is removed at start. Archives are never read
 * here: `ce-worker unpack` does that. docs/packs.md.
 *
 * A pack that a job uses stays as it is: it is neither replaced nor deleted before the job has ended.
 */
#pragma once

#include <jansson.h>
#include <stdint.h>

#include "errors.h"
#include "sha256.h"

#define PACK_NAME_MAX	     64
#define PACK_UPLOAD_MAX	     (UINT64_C(2) << 30) /* bytes of an archive */
#define PACK_UPLOADS_AT_ONCE 4
#define PACK_UNPACK_SECONDS  600

struct pack_store;

/*
 * Makes the folder, removes what was left half done. STATE-DIR is locked by the journal already. worker:
 * path of ce-worker. CE_PACK_UPLOAD_MAX in the environment: another limit, for tests.
 */
int pack_store_open(
	const char *state_dir, const char *worker, struct pack_store **ret, struct error **err);
/* Unpacking that is under way is canceled. */
void pack_store_stop(struct pack_store *s);
/* With no upload and no use of a pack left. */
void pack_store_close(struct pack_store *s);
DEFINE_CLEANUP(struct pack_store *, pack_store_close);
uint64_t pack_store_upload_max(const struct pack_store *s);

/* {items: […]}, by name, without the INFs' paths. */
int pack_store_list(struct pack_store *s, json_t **ret, struct error **err);
/* ERR_PACK_NOT_FOUND. */
int pack_store_get(struct pack_store *s, const char *name, json_t **ret, struct error **err);
/* ERR_PACK_NOT_FOUND, ERR_PACK_BUSY. */
int pack_store_delete(struct pack_store *s, const char *name, struct error **err);

/* ---- for jobs ---- */

/* Packs that stay as they are as long as this lives. */
struct pack_use {
	char **folders;		  /* absolute paths, in the order of the names, NULL-terminated */
	struct pack_store *store; /* private, as is the rest */
	char **names;
};

/* names: NULL-terminated; twice the same is fine. ERR_PACK_NOT_FOUND names the one that is missing. */
int pack_store_use(
	struct pack_store *s, const char *const *names, struct pack_use **ret, struct error **err);
void pack_use_free(struct pack_use *use);
DEFINE_CLEANUP(struct pack_use *, pack_use_free);

/* ---- uploads: begin, write…, finish; free whenever it ends ---- */

struct pack_upload;

/*
 * sha256: what the body must hash to. size: announced by the client; 0: unknown. ERR_INVALID_FIELD (the
 * name), ERR_PACK_BUSY (another upload of it, or a job uses it), ERR_TOO_MANY_JOBS, ERR_NO_SPACE.
 */
int pack_upload_begin(struct pack_store *s, const char *name, const char *sha256, uint64_t size,
	struct pack_upload **ret, struct error **err);
int pack_upload_write(struct pack_upload *up, const void *data, size_t len, struct error **err);
enum pack_outcome { PACK_CREATED, PACK_REPLACED, PACK_SAME };
/* Blocks while the worker unpacks. ERR_HASH_MISMATCH, and what pack_unpack() refuses. */
int pack_upload_finish(struct pack_upload *up, json_t **ret_pack, enum pack_outcome *ret_outcome,
	struct error **err);
void pack_upload_free(struct pack_upload *up);
DEFINE_CLEANUP(struct pack_upload *, pack_upload_free);

/* ---- within pack-*.c ---- */

/* The store's folder, worker and eventfd of pack_store_stop(): for an upload. */
int pack_store_dir(const struct pack_store *s);
const char *pack_store_path(const struct pack_store *s);
const char *pack_store_worker(const struct pack_store *s);
int pack_store_stop_fd(const struct pack_store *s);
/* The one upload of that name, until pack_store_unclaim(). */
int pack_store_claim(
	struct pack_store *s, const char *name, const char *sha256, struct error **err);
void pack_store_unclaim(struct pack_store *s, const char *name);
/* The folder `from` in the store's becomes the pack, which is claimed; the one before is removed. */
int pack_store_put(struct pack_store *s, const char *from, const char *name,
	enum pack_outcome *ret_outcome, struct error **err);
