/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The verb "unpack", for ce-agentd alone: an uploaded pack becomes a folder. The archive is as hostile as
 * any disk, so the process that took it from the network never reads it.
 */
#include <fcntl.h>

#include "jsonx.h"
#include "pack-archive.h"
#include "worker-sandbox.h"
#include "worker.h"

static json_t *listing_json(const struct pack_listing *l)
{
	json_t *o = json_object(), *infs = json_array();
	for (size_t i = 0; i < l->n_infs; i++)
		json_array_append_new(infs, json_string(l->infs[i]));
	jsonx_set_u64(o, "files", l->files);
	jsonx_set_u64(o, "bytes", l->bytes);
	jsonx_set(o, "infs", infs);
	return o;
}

/* All of it at once: there may be thousands of files. */
static int sync_folder(const char *folder, struct error **err)
{
	CLEANUP_CLOSE int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || syncfs(fd) < 0)
		return err_errno(err, ERR_WRITE, errno, "cannot sync \"%s\"", folder);
	return 0;
}

int worker_unpack(struct worker *w, json_t **ret, struct error **err)
{
	CLEANUP(pack_listing_done) struct pack_listing l = {0};
	if (w->fd < 0 || !w->name || !w->folder)
		return err_set(err, ERR_MISSING_FIELD,
			"field \"disk.fd\", \"disk.name\" or \"folder\" is missing");
	if (sandbox_lock(err) < 0 ||
		pack_unpack(w->fd, w->name, w->folder, NULL, &l, &w->op, err) < 0 ||
		sync_folder(w->folder, err) < 0)
		return -1;
	*ret = listing_json(&l);
	return 0;
}
