/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whether a plan says something. */
#pragma once

#include <string.h>

#include "plan.h"

static inline bool plan_notes_have(const struct plan *p, const char *text)
{
	size_t i;
	json_t *note;
	json_array_foreach (p->notes, i, note)
		if (strstr(json_string_value(json_object_get(note, "message")), text))
			return true;
	return false;
}
