/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "local-addresses.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdio.h>

static bool is_wanted(const struct ifaddrs *i)
{
	if (!i->ifa_addr || i->ifa_flags & IFF_LOOPBACK || !(i->ifa_flags & IFF_UP))
		return false;
	if (i->ifa_addr->sa_family == AF_INET6)
		return !IN6_IS_ADDR_LINKLOCAL(&((struct sockaddr_in6 *)i->ifa_addr)->sin6_addr);
	return i->ifa_addr->sa_family == AF_INET;
}

size_t local_addresses(struct local_address ret[static LOCAL_ADDRESSES_MAX])
{
	struct ifaddrs *all;
	size_t n = 0;
	if (getifaddrs(&all) < 0)
		return 0;
	for (const struct ifaddrs *i = all; i && n < LOCAL_ADDRESSES_MAX; i = i->ifa_next) {
		if (!is_wanted(i))
			continue;
		const void *a = i->ifa_addr->sa_family == AF_INET
					? (void *)&((struct sockaddr_in *)i->ifa_addr)->sin_addr
					: (void *)&((struct sockaddr_in6 *)i->ifa_addr)->sin6_addr;
		inet_ntop(i->ifa_addr->sa_family, a, ret[n].text, sizeof(ret[n].text));
		snprintf(ret[n].adapter, sizeof(ret[n].adapter), "%s", i->ifa_name);
		n++;
	}
	freeifaddrs(all);
	return n;
}
