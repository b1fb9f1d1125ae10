/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The listening socket. */
#pragma once

#include "errors.h"

/*
 * Binds "ADDR:PORT" ("[::]:443", "127.0.0.1:0"; addresses are numeric, IPv6 ones in brackets).
 * "[::]" also takes IPv4, and is plain IPv4 where the kernel has no IPv6. Port 0: a free port.
 * ret_where: "ADDR:PORT" as bound; the caller frees.
 */
int listen_open(const char *where, int *ret_fd, char **ret_where, struct error **err);
