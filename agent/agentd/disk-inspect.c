/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "disk-inspect.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/eventfd.h>

#include "jsonx.h"
#include "logging.h"
#include "mem.h"
#include "worker-run.h"

#define WORKER_DISK_FD 3

struct inspector {
	pthread_mutex_t lock; /* a leaf: no other is taken under it */
	pthread_cond_t freed;
	unsigned running;
	bool stopping;
	int stop_fd;
	char *worker;
};

struct inspector *inspector_new(const char *worker)
{
	struct inspector *in = xcalloc(1, sizeof(*in));
	pthread_mutex_init(&in->lock, NULL);
	pthread_cond_init(&in->freed, NULL);
	in->worker = xstrdup(worker);
	in->stop_fd = eventfd(0, EFD_CLOEXEC);
	return in;
}

void inspector_free(struct inspector *in)
{
	close(in->stop_fd);
	free(in->worker);
	pthread_cond_destroy(&in->freed);
	pthread_mutex_destroy(&in->lock);
	free(in);
}

void inspector_stop(struct inspector *in)
{
	pthread_mutex_lock(&in->lock);
	in->stopping = true;
	pthread_cond_broadcast(&in->freed);
	pthread_mutex_unlock(&in->lock);
	eventfd_write(in->stop_fd, 1);
}

/* Waits for its turn; each of those before it ends within INSPECT_SECONDS and a little. */
static int enter(struct inspector *in, struct error **err)
{
	pthread_mutex_lock(&in->lock);
	while (in->running >= INSPECT_CONCURRENT && !in->stopping)
		pthread_cond_wait(&in->freed, &in->lock);
	bool stopping = in->stopping;
	in->running += !stopping;
	pthread_mutex_unlock(&in->lock);
	return stopping ? err_set(err, ERR_INTERRUPTED, "the agent is ending") : 0;
}

static void leave(struct inspector *in)
{
	pthread_mutex_lock(&in->lock);
	in->running--;
	pthread_cond_signal(&in->freed);
	pthread_mutex_unlock(&in->lock);
}

json_t *inspector_disk_input(const struct disk_ref *disk)
{
	json_t *o = json_object();
	if (disk->by_fd) {
		jsonx_set_u64(o, "fd", WORKER_DISK_FD);
		jsonx_set_string(o, "name", disk->id);
	} else {
		jsonx_set_string(o, "path", disk->path);
	}
	return o;
}

static void on_log(void *data, const char *text, size_t len)
{
	const struct disk_ref *disk = data;
	log_debug("inspecting \"%s\": %.*s", disk->id, (int)len, text);
}

static int run(struct inspector *in, const struct disk_ref *disk, json_t **ret, struct error **err)
{
	CLEANUP_CLOSE int fd = -1;
	CLEANUP_JSON json_t *input = json_object();
	jsonx_set(input, "disk", inspector_disk_input(disk));
	CLEANUP_FREE char *text = jsonx_dump(input);
	if (disk->by_fd) {
		fd = open(disk->path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			return err_errno(err, ERR_DISK_OPEN, errno, "cannot open the disk \"%s\"",
				disk->path);
	}
	struct worker_spec spec = {
		.program = in->worker,
		.verb = "inspect",
		.input = text,
		.disk_fd = fd,
		.stop_fd = in->stop_fd,
		.timeout = INSPECT_SECONDS,
		.patience_ms = 2000,
		.on_log = on_log,
		.data = (void *)disk,
	};
	return worker_run(&spec, ret, err);
}

int inspector_run(
	struct inspector *in, const struct disk_ref *disk, json_t **ret, struct error **err)
{
	if (enter(in, err) < 0)
		return -1;
	int r = run(in, disk, ret, err);
	leave(in);
	return r;
}
