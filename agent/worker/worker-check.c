/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <fcntl.h>

#include "jsonx.h"
#include "vhd.h"
#include "worker-sandbox.h"
#include "worker.h"

static int open_file(struct worker *w, struct io **ret, struct error **err)
{
	if (!w->path)
		return io_from_fd(ret, TAKE_FD(w->fd), w->name ? w->name : "image", false, err);
	int fd = open(w->path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return err_errno(err, ERR_DISK_OPEN, errno, "open \"%s\"", w->path);
	return io_from_fd(ret, fd, w->path, false, err);
}

static const char *level_name(enum finding_level level)
{
	switch (level) {
	case FINDING_NOTE:
		return "note";
	case FINDING_WARNING:
		return "warning";
	case FINDING_ERROR:
		break;
	}
	return "error";
}

static json_t *findings_json(const struct findings *f)
{
	json_t *list = json_array();
	for (size_t i = 0; i < f->n; i++) {
		json_t *o = json_object();
		jsonx_set_string(o, "level", level_name(f->v[i].level));
		jsonx_set_string(o, "code", f->v[i].code);
		jsonx_set_string(o, "message", f->v[i].message);
		json_array_append_new(list, o);
	}
	return list;
}

static int check(
	struct io *io, enum image_format *ret_format, struct findings *f, struct error **err)
{
	if (vhdx_probe(io)) {
		*ret_format = IMAGE_VHDX;
		return vhdx_check(io, f, err);
	}
	if (vhd_probe(io)) {
		*ret_format = IMAGE_VHD;
		return vhd_check(io, f, err);
	}
	return err_set(err, ERR_IMAGE_UNSUPPORTED, "\"%s\" is neither a VHDX nor a VHD", io->name);
}

int worker_check(struct worker *w, json_t **ret, struct error **err)
{
	CLEANUP(io_close_p) struct io *io = NULL;
	CLEANUP(findings_done) struct findings f = {0};
	enum image_format format;
	op_begin(&w->op, "check", 0, 100);
	op_begin(&w->op, "check", 0, 100);
	if (sandbox_lock(err) < 0 || open_file(w, &io, err) < 0 || check(io, &format, &f, err) < 0)
		return -1;
	json_t *out = json_object();
	jsonx_set_string(out, "name", io->name);
	jsonx_set_string(out, "format", image_format_name(format));
	jsonx_set_u64(out, "fileSizeBytes", io->size);
	jsonx_set_bool(out, "ok", !findings_have_errors(&f));
	jsonx_set(out, "findings", findings_json(&f));
	jsonx_set_u64(out, "dropped", f.dropped);
	*ret = out;
	return 0;
}
