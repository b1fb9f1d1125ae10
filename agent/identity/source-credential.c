/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A systemd credential "ce.enrolment": from SMBIOS type 11 or fw_cfg, as hypervisors pass them
 * (systemd.exec(5), LoadCredential=; systemd(1), "System credentials").
 */
#include <errno.h>
#include <unistd.h>

#include "enrolment.h"
#include "io.h"
#include "mem.h"
#include "source.h"

int source_credential(const struct source_env *env, char **ret, size_t *ret_len, struct error **err)
{
	if (!env->credentials)
		return 0;
	CLEANUP_FREE char *path = xasprintf("%s/ce.enrolment", env->credentials);
	if (access(path, F_OK) < 0 && errno == ENOENT)
		return 0;
	return file_read(path, ENROLMENT_SIZE_MAX, ret, ret_len, err) < 0 ? -1 : 1;
}
