/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The directives of driver packages that we know: those that the package reader follows, and those that
 * it leaves out on purpose. One that is in neither list is reported in the package's notes.
 */
#pragma once

#include <stdbool.h>

enum inf_section_kind {
	INF_IN_VERSION,
	INF_IN_INSTALL,	 /* DDInstall */
	INF_IN_HW,	 /* DDInstall.HW */
	INF_IN_SERVICES, /* DDInstall.Services */
	INF_IN_FILTERS,	 /* DDInstall.Filters */
	INF_IN_SERVICE,	 /* what AddService names */
	INF_IN_EVENTS,	 /* its event log section */
	_INF_IN_MAX
};

struct inf_directive {
	unsigned kinds; /* bits 1 << INF_IN_… */
	const char *key;
	const char *ignored; /* why it is left out; NULL: it is followed */
};

/* NULL: not known. */
const struct inf_directive *inf_directive_find(enum inf_section_kind kind, const char *key);

/* A section that stands beside an install section: "DDInstall.SUFFIX". */
struct inf_beside {
	const char *suffix;
	int kind;	     /* INF_IN_…; -1: not followed */
	unsigned scope;	     /* INF_SCOPE_… */
	const char *ignored; /* why; NULL: it is followed */
};
extern const struct inf_beside inf_beside[]; /* ends with a row without a suffix */
