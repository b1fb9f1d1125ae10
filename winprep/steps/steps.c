/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "step.h"

const struct step *const steps[] = {
#define X(name) &step_##name,
	STEPS(X)
#undef X
		NULL,
};
