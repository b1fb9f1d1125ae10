/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * VMware's RPCI: short texts between a guest and its hypervisor, four bytes at a time, through an I/O port
 * that is no hardware: reading it traps into the hypervisor, which reads and changes the registers.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "errors.h"

#define VMWARE_PORT  0x5658u
#define VMWARE_MAGIC 0x564d5868u

struct vmware_registers {
	uint32_t ax, bx, cx, dx, si, di;
};

/* One access to the port; a test puts a hypervisor of its own in its place. */
typedef int vmware_port(struct vmware_registers *r, struct error **err);

/* The real port. ERR_ENROLMENT_INVALID where there is no VMware behind it, or it may not be used. */
int vmware_port_access(struct vmware_registers *r, struct error **err);

/* Sends a command; *ret is the answer, NUL-terminated, at most limit bytes. The caller wipes and frees. */
int vmware_rpci(vmware_port *port, const char *command, size_t limit, char **ret, size_t *ret_len,
	struct error **err);
