/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Xen: vm-data/ce-enrolment in the VM's part of xenstore (XenServer: "xe vm-param-set
 * xenstore-data:vm-data/ce-enrolment=…"). xenstored takes 2 KiB a value by default, so the text goes on in
 * vm-data/ce-enrolment/1, /2 and so on. The protocol of /dev/xen/xenbus: a header of four words in the machine's
 * byte order, then len bytes; an answer bears its question's number.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "io.h"
#include "mem.h"
#include "source.h"

#define NODE "vm-data/ce-enrolment"

enum { XS_READ = 2, XS_ERROR = 16 };
enum { VALUE_MAX = 4096, PARTS_MAX = 256 };

struct header {
	uint32_t type, id, transaction, len;
};

struct value {
	char text[VALUE_MAX + 1];
	size_t len;
};

bool source_is_xen(const struct source_env *env)
{
	CLEANUP_ERR struct error *ignored = NULL;
	CLEANUP_FREE char *type = NULL;
	size_t len;
	return (file_read(env->hypervisor_type, 64, &type, &len, &ignored) == 0 &&
		       strcmp(type, "xen\n") == 0) ||
	       source_dmi_has(env, "sys_vendor", "Xen");
}

static int64_t now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int receive(int fd, void *buf, size_t len, int64_t until, struct error **err)
{
	for (size_t at = 0; at < len;) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		int64_t left = until - now_ms();
		int rc = poll(&p, 1, left > 0 ? (int)left : 0);
		if (rc == 0)
			return err_set(err, ERR_ENROLMENT_INVALID, "xenstore does not answer");
		ssize_t n = rc < 0 ? -1 : read(fd, (char *)buf + at, len - at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_errno(
				err, ERR_ENROLMENT_INVALID, errno, "reading xenstore's answer");
		if (n == 0)
			return err_set(err, ERR_ENROLMENT_INVALID, "xenstore's answer is cut off");
		at += (size_t)n;
	}
	return 0;
}

/* 1; 0: there is no such node. */
static int answer(int fd, const struct header *asked, const char *node, int64_t until,
	struct value *v, struct error **err)
{
	struct header h;
	if (receive(fd, &h, sizeof(h), until, err) < 0)
		return -1;
	if (h.id != asked->id || (h.type != XS_READ && h.type != XS_ERROR))
		return err_set(err, ERR_ENROLMENT_INVALID,
			"xenstore answers question %u with type %u (question %u asked)", h.id,
			h.type, asked->id);
	if (h.len > VALUE_MAX)
		return err_set(err, ERR_ENROLMENT_INVALID,
			"xenstore answers with %u bytes (at most %d expected)", h.len, VALUE_MAX);
	if (receive(fd, v->text, h.len, until, err) < 0)
		return -1;
	v->text[h.len] = '\0';
	v->len = h.len;
	if (h.type == XS_READ)
		return 1;
	return strcmp(v->text, "ENOENT") == 0
		       ? 0
		       : err_set(err, ERR_ENROLMENT_INVALID, "xenstore refuses \"%s\": %.32s", node,
				 v->text);
}

static int read_node(
	int fd, uint32_t id, const char *node, int64_t until, struct value *v, struct error **err)
{
	const struct header h = {XS_READ, id, 0, (uint32_t)strlen(node) + 1};
	uint8_t request[sizeof(h) + VALUE_MAX];
	memcpy(request, &h, sizeof(h));
	memcpy(request + sizeof(h), node, h.len);
	if (write_full(fd, request, sizeof(h) + h.len) < 0)
		return err_errno(err, ERR_ENROLMENT_INVALID, errno, "asking xenstore");
	return answer(fd, &h, node, until, v, err);
}

/* All parts into text, which has room for SOURCE_TEXT_MAX bytes; how many there are. */
static int read_parts(int fd, int64_t until, char *text, struct error **err)
{
	struct value v;
	size_t len = 0;
	int rc = 1, n = 0;
	for (; n < PARTS_MAX && rc > 0; n++) {
		CLEANUP_FREE char *node = n ? xasprintf(NODE "/%d", n) : xstrdup(NODE);
		rc = read_node(fd, (uint32_t)n + 1, node, until, &v, err);
		if (rc <= 0)
			break;
		if (v.len > SOURCE_TEXT_MAX - len) {
			rc = err_set(err, ERR_ENROLMENT_INVALID,
				"xenstore holds more than %u bytes", SOURCE_TEXT_MAX);
			break;
		}
		memcpy(text + len, v.text, v.len);
		len += v.len;
	}
	mem_wipe(&v, sizeof(v));
	return rc < 0 ? -1 : n;
}

int source_xenstore(const struct source_env *env, char **ret, size_t *ret_len, struct error **err)
{
	CLEANUP_CLOSE int fd = open(env->xenbus, O_RDWR | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return errno == ENOENT ? 0
				       : err_errno(err, ERR_ENROLMENT_INVALID, errno, "\"%s\"",
						 env->xenbus);
	char *text = xcalloc(1, SOURCE_TEXT_MAX + 1);
	int rc = read_parts(fd, now_ms() + env->wait_ms, text, err);
	if (rc > 0)
		rc = source_decode(NODE, text, ret, ret_len, err);
	mem_wipe(text, SOURCE_TEXT_MAX);
	free(text);
	return rc;
}
