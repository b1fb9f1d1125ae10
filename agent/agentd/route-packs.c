/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "pack-store.h"
#include "routes.h"

static int announced_hash(
	const struct request *rq, char ret[static SHA256_HEX_SIZE], struct error **err)
{
	const char *hex = request_header(rq, "X-Content-SHA256");
	const char *digest = request_header(rq, "Repr-Digest");
	if (!hex && !digest)
		return err_set(err, ERR_MISSING_FIELD,
			"header \"X-Content-SHA256\" is missing (64 hexadecimal digits; or "
			"\"Repr-Digest: sha-256=:…:\")");
	if (hex && !sha256_from_hex(hex, ret))
		return err_set(err, ERR_INVALID_FIELD,
			"header \"X-Content-SHA256\" is \"%.80s\" (64 hexadecimal digits expected)",
			hex);
	char other[SHA256_HEX_SIZE];
	if (digest && !sha256_from_digest(digest, hex ? other : ret))
		return err_set(err, ERR_INVALID_FIELD,
			"header \"Repr-Digest\" is \"%.120s\" (sha-256=:BASE64: expected)", digest);
	if (hex && digest && strcmp(ret, other) != 0)
		return err_set(err, ERR_INVALID_FIELD,
			"headers \"X-Content-SHA256\" and \"Repr-Digest\" differ");
	return 0;
}

static uint64_t upload_max(const struct agent *agent)
{
	return pack_store_upload_max(agent->packs);
}

static int upload_begin(struct agent *agent, struct request *rq, uint64_t size, struct error **err)
{
	char sha256[SHA256_HEX_SIZE];
	struct pack_upload *up;
	if (announced_hash(rq, sha256, err) < 0 ||
		pack_upload_begin(agent->packs, rq->param, sha256, size, &up, err) < 0)
		return -1;
	rq->upload = up;
	return 0;
}

static int upload_write(struct request *rq, const char *data, size_t len, struct error **err)
{
	return pack_upload_write(rq->upload, data, len, err);
}

static void upload_free(struct request *rq)
{
	pack_upload_free(rq->upload);
}

const struct route_upload route_pack_upload = {upload_max, upload_begin, upload_write, upload_free};

int route_pack_put(struct agent *agent, struct request *rq, struct reply *re, struct error **err)
{
	json_t *pack;
	enum pack_outcome outcome;
	(void)agent;
	if (pack_upload_finish(rq->upload, &pack, &outcome, err) < 0)
		return -1;
	reply_json(re, outcome == PACK_CREATED ? 201 : 200, pack);
	return 0;
}

int route_packs(struct agent *agent, struct request *rq, struct reply *re, struct error **err)
{
	json_t *list;
	(void)rq;
	if (pack_store_list(agent->packs, &list, err) < 0)
		return -1;
	reply_json(re, 200, list);
	return 0;
}

int route_pack(struct agent *agent, struct request *rq, struct reply *re, struct error **err)
{
	json_t *pack;
	if (pack_store_get(agent->packs, rq->param, &pack, err) < 0)
		return -1;
	reply_json(re, 200, pack);
	return 0;
}

int route_pack_delete(struct agent *agent, struct request *rq, struct reply *re, struct error **err)
{
	if (pack_store_delete(agent->packs, rq->param, err) < 0)
		return -1;
	reply_empty(re, 204);
	return 0;
}
