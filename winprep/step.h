/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Steps of a preparation: one file each, one line in STEPS, in the order they run. A step reads the guest
 * and the platforms and appends to the plan; it never writes, and never looks at another step's actions.
 */
#pragma once

#include "guest.h"
#include "platform.h"
#include "plan.h"

struct pack_set;	/* pack.h: driver packages at hand */
struct prepare_request; /* prepare.h */

struct prep {
	const struct guest *guest;   /* its hives are read through hive.h, which takes no const */
	const struct platform *from; /* NULL: not recognised */
	const struct platform *to;
	const struct prepare_request *request;
	const struct pack_set *packs; /* NULL: none */
	struct plan *plan;
	struct op *op; /* for warnings */
};

struct step {
	const char *name;    /* stable kebab-case id */
	const char *summary; /* one line for list-steps and docs/steps.md */
	bool optional; /* its failure is a warning and no change at all, unless the request is strict */
	bool (*applies)(const struct prep *p); /* pure; NULL: always */
	int (*plan)(struct prep *p, struct error **err);
};

/* X (identifier): the file step-identifier.c defines `const struct step step_identifier`. */
#define STEPS(X)                                                                            \
	X(filters)    /* the source's filters, before the drivers they name are disabled */ \
	X(services)   /* its services and drivers */                                        \
	X(packages)   /* its driver packages */                                             \
	X(software)   /* its tools, their registration and settings */                      \
	X(boot_paths) /* in-box boot drivers of the target */                               \
	X(inject)     /* drivers of the target from the packs */                            \
	X(network)    /* addresses and adapters */                                          \
	X(pagefile)   /* page files where the target has a drive for them */                \
	X(settings)   /* single settings that depend on where a Windows runs */             \
	X(vda)	      /* whom Citrix' agent registers with */

#define X(name) extern const struct step step_##name;
STEPS(X)
#undef X

extern const struct step *const steps[]; /* NULL-terminated */
