/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where this machine can be reached: for its console, and for whom it reports to. */
#pragma once

#include <netinet/in.h>

#define LOCAL_ADDRESSES_MAX 16

struct local_address {
	char text[INET6_ADDRSTRLEN];
	char adapter[16]; /* "eth0" */
};

/* Of adapters that are up, loopback and link-local IPv6 aside. How many. */
size_t local_addresses(struct local_address ret[static LOCAL_ADDRESSES_MAX]);
