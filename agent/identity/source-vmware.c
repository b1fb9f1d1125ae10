/* SPDX-License-Identifier: GPL-3.0-or-later */
/* VMware: the VM's variable guestinfo.ce-enrolment (its .vmx file, vSphere's "extraConfig"). */
#include <string.h>

#include "mem.h"
#include "source.h"

bool source_is_vmware(const struct source_env *env)
{
	return source_dmi_has(env, "sys_vendor", "VMware, Inc.");
}

/* An answer is "1 " and the value, or "0 " and why there is none. */
int source_vmware(const struct source_env *env, char **ret, size_t *ret_len, struct error **err)
{
	char *answer = NULL;
	size_t len;
	if (vmware_rpci(env->vmware, "info-get guestinfo.ce-enrolment", SOURCE_TEXT_MAX, &answer,
		    &len, err) < 0)
		return -1;
	int rc = 0;
	if (strncmp(answer, "1 ", 2) == 0)
		rc = source_decode("guestinfo.ce-enrolment", answer + 2, ret, ret_len, err);
	else if (strcmp(answer, "1") != 0 && strcmp(answer, "0 No value found") != 0)
		rc = err_set(
			err, ERR_ENROLMENT_INVALID, "the hypervisor answers \"%.100s\"", answer);
	mem_wipe(answer, len);
	free(answer);
	return rc;
}
