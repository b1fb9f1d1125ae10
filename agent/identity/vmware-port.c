/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The real port. The permission for it is asked for (CAP_SYS_RAWIO); where it is refused, as under a
 * locked-down kernel (Secure Boot), VMware takes the access all the same unless it is told to be strict.
 * What nobody takes is a fault, which must not end the program.
 */
#include <setjmp.h>
#include <signal.h>
#include <string.h>

#include "vmware-rpci.h"

#ifdef __x86_64__
#include <sys/io.h>

static sigjmp_buf faulted;

static void on_fault(int sig)
{
	(void)sig;
	siglongjmp(faulted, 1);
}

static void access_port(struct vmware_registers *r)
{
	__asm__ volatile(
		"inl %%dx, %%eax"
		: "+a"(r->ax), "+b"(r->bx), "+c"(r->cx), "+d"(r->dx), "+S"(r->si), "+D"(r->di)
		:
		: "memory");
}

int vmware_port_access(struct vmware_registers *r, struct error **err)
{
	struct sigaction act = {.sa_handler = on_fault}, old;
	(void)ioperm(VMWARE_PORT, 4, 1); /* refused: see above */
	sigaction(SIGSEGV, &act, &old);
	bool fault = false;
	if (sigsetjmp(faulted, 1) == 0)
		access_port(r);
	else
		fault = true;
	sigaction(SIGSEGV, &old, NULL);
	return fault ? err_set(err, ERR_ENROLMENT_INVALID,
			       "VMware's port 0x%x may not be used (CAP_SYS_RAWIO)", VMWARE_PORT)
		     : 0;
}
#else
int vmware_port_access(struct vmware_registers *r, struct error **err)
{
	(void)r;
	return err_set(err, ERR_ENROLMENT_INVALID, "VMware's port is known on x86-64 only");
}
#endif
