/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Between the files that make a guest. */
#pragma once

#include "guest.h"

/* Fills everything below the hives from what they say; what they do not say stays empty. */
void guest_read_facts(struct guest *g);
void guest_facts_done(struct guest *g);
