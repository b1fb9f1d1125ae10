/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One HTTPS POST to the appliance. Before a byte of the request is sent, the other side has proved who it is:
 *
 *   ca                  its chain leads there, nothing else is trusted; and its name is the address's,
 *                       unless noHostNameCheck
 *   fingerprints        its certificate is exactly that one; both fingerprints where both are given
 *   ca and fingerprint  both of the above
 *   fingerprint alone   the certificate is known: its chain, its dates and its name say nothing more
 *
 * TLS 1.2 or later. No proxy, no redirect, nothing kept between two calls; time and the answer are bounded.
 */
#pragma once

#include <signal.h>

#include "callback-target.h"

#define CALLBACK_ANSWER_MAX (64u << 10) /* bytes of its headers, and of its body */

/*
 * The HTTP status of the answer; what comes after its first line does not matter. -1, ERR_CALLBACK: there was
 * none. Given up as soon as *stop, or after timeout_ms.
 */
int callback_post(const struct callback_target *t, const char *body, long timeout_ms,
	const volatile sig_atomic_t *stop, struct error **err);
