/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ce-agentd's options: the command line, and a JSON file with the same names. docs/man/ce-agentd.8. */
#pragma once

#include "disk-list.h"

struct agentd_options {
	char *listen, *cert, *key, *client_ca, *state_dir, *status_file, *worker;
	char *pairing;	    /* folder of ce-identity's: nobody is obeyed but who pairs; or NULL */
	char **client_pins; /* NULL-terminated, or NULL */
	size_t n_client_pins;
	struct disk_list disks;
	unsigned max_jobs;
};

enum agentd_start { AGENTD_RUN, AGENTD_SHOWN /* --help or --version: nothing else to do */ };

/* The command line wins over the file. *ret is to be freed with agentd_options_done() either way. */
int agentd_options_parse(int argc, char **argv, struct agentd_options *ret,
	enum agentd_start *ret_start, struct error **err);
void agentd_options_done(struct agentd_options *o);
