/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The document that the appliance is sent: docs/api/openapi.yaml, CallbackEvent. */
#pragma once

#include "outbox.h"

/* files: ce-identity's identity.json and ce-agentd's status file; the caller frees. */
char *callback_document(
	const struct outbox_event *e, const char *identity_file, const char *status_file);
