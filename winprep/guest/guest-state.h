/* SPDX-License-Identifier: GPL-3.0-or-later */
/* In what state a Windows was left: between updates, between the phases of its setup. */
#pragma once

#include "guest.h"

struct guest_servicing {
	bool pending_xml;	  /* \Windows\WinSxS\pending.xml: files wait to be swapped */
	bool reboot_pending;	  /* Component Based Servicing\RebootPending */
	bool packages_pending;	  /* …\PackagesPending */
	bool sessions_pending;	  /* …\SessionsPending: Exclusive is not 0 */
	bool update_reboot;	  /* WindowsUpdate\Auto Update\RebootRequired */
	unsigned pending_renames; /* pairs in PendingFileRenameOperations */
};

struct guest_setup {
	char *image_state;	 /* "IMAGE_STATE_COMPLETE"; NULL: not said */
	uint32_t generalization; /* SysprepStatus\GeneralizationState: 7 is done; 0: not said */
	bool oobe;		 /* OOBEInProgress */
	bool in_progress;	 /* SystemSetupInProgress */
};

/* What cannot be read is as if it were not there. */
void guest_servicing_read(const struct guest *g, struct guest_servicing *ret);
void guest_setup_read(const struct guest *g, struct guest_setup *ret);
void guest_setup_done(struct guest_setup *s);
/* Whether a path of the volume exists; false for a guest without a volume. */
bool guest_has_file(const struct guest *g, const char *path);
/* Node of the current control set's key; 0: none. */
hive_node guest_current_key(const struct guest *g, const char *rest);
