/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One message: open a channel, send its length and its bytes, ask for the answer's length, fetch its
 * bytes, say so, close. Each is one access to the port with command 30: its number in the upper half of
 * CX, the channel in the upper half of DX, the channel's cookie in SI and DI. The upper half of CX
 * comes back as the status.
 */
#include "vmware-rpci.h"

#include <string.h>

#include "mem.h"

enum { COMMAND_MESSAGE = 30 };
enum message { OPEN, SEND_SIZE, SEND_DATA, RECEIVE_SIZE, RECEIVE_DATA, RECEIVED, CLOSE };
static const char *const names[] = {"opening a channel", "sending a length", "sending data",
	"asking for the answer's length", "fetching the answer", "ending the answer", "closing"};

#define PROTOCOL_RPCI 0x49435052u /* "RPCI" */
#define WITH_COOKIE   0x80000000u

enum { STATUS_SUCCESS = 0x01, STATUS_HAS_ANSWER = 0x02, STATUS_CHECKPOINT = 0x10 };
enum { TRIES = 3 }; /* a snapshot or a migration in the middle of a message loses it */

struct channel {
	vmware_port *port;
	uint32_t id, cookie_high, cookie_low;
	bool checkpoint;
};

/* bx goes out and comes back; -1 also where the status is no success. */
static int call(
	struct channel *c, enum message m, uint32_t *bx, uint32_t *status, struct error **err)
{
	struct vmware_registers r = {.ax = VMWARE_MAGIC,
		.bx = *bx,
		.cx = COMMAND_MESSAGE | (uint32_t)m << 16,
		.dx = VMWARE_PORT | c->id << 16,
		.si = c->cookie_high,
		.di = c->cookie_low};
	if (c->port(&r, err) < 0)
		return -1;
	*bx = r.bx;
	*status = r.cx >> 16;
	if (!(*status & STATUS_SUCCESS)) {
		c->checkpoint = *status & STATUS_CHECKPOINT;
		return err_set(err, ERR_ENROLMENT_INVALID, "the hypervisor refuses %s: status 0x%x",
			names[m], *status);
	}
	if (m == OPEN) {
		c->id = r.dx >> 16;
		c->cookie_high = r.si;
		c->cookie_low = r.di;
	}
	return 0;
}

static int send_command(struct channel *c, const char *command, struct error **err)
{
	size_t len = strlen(command);
	uint32_t status, bx = (uint32_t)len;
	if (call(c, SEND_SIZE, &bx, &status, err) < 0)
		return -1;
	for (size_t at = 0; at < len; at += 4) {
		uint32_t word = 0;
		memcpy(&word, command + at, len - at < 4 ? len - at : 4);
		if (call(c, SEND_DATA, &word, &status, err) < 0)
			return -1;
	}
	return 0;
}

static int receive(struct channel *c, char *buf, size_t len, struct error **err)
{
	uint32_t status, word;
	for (size_t at = 0; at < len; at += 4) {
		word = STATUS_SUCCESS;
		if (call(c, RECEIVE_DATA, &word, &status, err) < 0)
			return -1;
		memcpy(buf + at, &word, len - at < 4 ? len - at : 4);
	}
	word = STATUS_SUCCESS;
	return call(c, RECEIVED, &word, &status, err);
}

static int receive_answer(
	struct channel *c, size_t limit, char **ret, size_t *ret_len, struct error **err)
{
	uint32_t status, len = 0;
	if (call(c, RECEIVE_SIZE, &len, &status, err) < 0)
		return -1;
	if (!(status & STATUS_HAS_ANSWER))
		return err_set(err, ERR_ENROLMENT_INVALID, "the hypervisor does not answer");
	if (len > limit)
		return err_set(err, ERR_ENROLMENT_INVALID,
			"the hypervisor answers with %u bytes (at most %zu expected)", len, limit);
	char *buf = xcalloc(1, (size_t)len + 1);
	if (receive(c, buf, len, err) < 0) {
		mem_wipe(buf, len);
		free(buf);
		return -1;
	}
	*ret = buf;
	*ret_len = len;
	return 0;
}

static int once(struct channel *c, const char *command, size_t limit, char **ret, size_t *ret_len,
	struct error **err)
{
	uint32_t status, bx = PROTOCOL_RPCI | WITH_COOKIE;
	if (call(c, OPEN, &bx, &status, err) < 0)
		return -1;
	int rc = send_command(c, command, err);
	if (rc == 0)
		rc = receive_answer(c, limit, ret, ret_len, err);
	bool checkpoint = c->checkpoint;
	CLEANUP_ERR struct error *ignored =
		NULL; /* the answer is whole, or another error is known */
	bx = 0;
	call(c, CLOSE, &bx, &status, &ignored);
	c->checkpoint = checkpoint;
	return rc;
}

int vmware_rpci(vmware_port *port, const char *command, size_t limit, char **ret, size_t *ret_len,
	struct error **err)
{
	for (int i = 1;; i++) {
		struct channel c = {.port = port};
		CLEANUP_ERR struct error *problem = NULL;
		if (once(&c, command, limit, ret, ret_len, &problem) == 0)
			return 0;
		if (!c.checkpoint || i == TRIES) {
			err_move(err, &problem);
			return -1;
		}
	}
}
