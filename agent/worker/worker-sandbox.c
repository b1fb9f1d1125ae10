/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "worker-sandbox.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "checked.h"

/* Stacks, libraries' data and everything a guest's bytes can make the worker allocate. The copy's
 * buffers are shared memory and have a limit of their own. */
#define DATA_LIMIT (1 * GiB)

/* The address sanitizer maps terabytes, and its leak check traces the process. */
#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCH AUDIT_ARCH_AARCH64
#else
#error "name this machine's AUDIT_ARCH_ constant here"
#endif

static int limit(int resource, rlim_t max, const char *what, struct error **err)
{
	struct rlimit rl;
	if (getrlimit(resource, &rl) < 0)
		return err_errno(err, ERR_SYSTEM, errno, "getrlimit %s", what);
	if (rl.rlim_max > max)
		rl.rlim_max = max;
	rl.rlim_cur = rl.rlim_max;
	if (setrlimit(resource, &rl) < 0)
		return err_errno(err, ERR_SYSTEM, errno, "setrlimit %s", what);
	return 0;
}

int sandbox_begin(struct error **err)
{
	const char *parent = getenv("CE_PARENT_PID");
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 ||
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
		(!SANITIZED && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0))
		return err_errno(err, ERR_SYSTEM, errno, "prctl");
	/*
	 * A parent that ended before the first call sends no signal any more, and who it was cannot be
	 * asked now: it left its number.
	 */
	if (parent && atoi(parent) != getppid())
		return err_set(
			err, ERR_INTERRUPTED, "the program that started the worker has ended");
	if (limit(RLIMIT_CORE, 0, "core", err) < 0)
		return -1;
	return SANITIZED ? 0 : limit(RLIMIT_DATA, DATA_LIMIT, "data", err);
}

#define LOAD(member) \
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (unsigned)offsetof(struct seccomp_data, member))
#define RETURN(action)	  BPF_STMT(BPF_RET | BPF_K, (action))
#define SKIP_UNLESS(x, n) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)(x), 0, (n))
#define SKIP_UNSET(x, n)  BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, (unsigned)(x), 0, (n))
/* The call fails as if the kernel did not allow it: the library that made it reports that. */
#define DENY(name) SKIP_UNLESS(__NR_##name, 1), RETURN(SECCOMP_RET_ERRNO | EPERM)
#define LOW_ARG(i) args[i] /* little-endian: the low half comes first */

/* New executable memory: the libraries are all loaded by now. */
#define DENY_EXEC_MEMORY(name)                                                   \
	SKIP_UNLESS(__NR_##name, 4), LOAD(LOW_ARG(2)), SKIP_UNSET(PROT_EXEC, 1), \
		RETURN(SECCOMP_RET_ERRNO | EACCES), RETURN(SECCOMP_RET_ALLOW)

static struct sock_filter filter[] = {
	LOAD(arch),
	SKIP_UNLESS(ARCH, 1),
	BPF_JUMP(BPF_JMP | BPF_JA, 1, 0, 0),
	RETURN(SECCOMP_RET_KILL_PROCESS),
	LOAD(nr),
#if defined(__x86_64__)
	/* The x32 calls are other numbers of the same architecture. */
	BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 0x40000000, 0, 1),
	RETURN(SECCOMP_RET_KILL_PROCESS),
#endif
	/* Threads, but no processes; glibc falls back from clone3, whose flags cannot be seen. */
	SKIP_UNLESS(__NR_clone, 4),
	LOAD(LOW_ARG(0)),
	SKIP_UNSET(CLONE_THREAD, 1),
	RETURN(SECCOMP_RET_ALLOW),
	RETURN(SECCOMP_RET_ERRNO | EPERM),
	SKIP_UNLESS(__NR_clone3, 1),
	RETURN(SECCOMP_RET_ERRNO | ENOSYS),
#ifdef __NR_fork
	DENY(fork),
	DENY(vfork),
#endif
	DENY(execve),
	DENY(execveat),
	DENY(socket),
	DENY(ptrace),
	DENY(process_vm_readv),
	DENY(process_vm_writev),
	DENY(pidfd_getfd),
	DENY(kcmp),
	/* Typing into the terminal that `cectl local` was started from. */
	SKIP_UNLESS(__NR_ioctl, 4),
	LOAD(LOW_ARG(1)),
	SKIP_UNLESS(TIOCSTI, 1),
	RETURN(SECCOMP_RET_ERRNO | EPERM),
	RETURN(SECCOMP_RET_ALLOW),
	DENY_EXEC_MEMORY(mmap),
	DENY_EXEC_MEMORY(mprotect),
	DENY_EXEC_MEMORY(pkey_mprotect),
	/* File systems and namespaces. */
	DENY(mount),
	DENY(umount2),
	DENY(pivot_root),
	DENY(chroot),
	DENY(unshare),
	DENY(setns),
	DENY(open_tree),
	DENY(move_mount),
	DENY(fsopen),
	DENY(fsmount),
	DENY(mount_setattr),
	DENY(open_by_handle_at),
	DENY(swapon),
	DENY(swapoff),
	DENY(acct),
	DENY(quotactl),
	/* The kernel and the machine. */
	DENY(init_module),
	DENY(finit_module),
	DENY(delete_module),
	DENY(kexec_load),
	DENY(kexec_file_load),
	DENY(reboot),
	DENY(bpf),
	DENY(perf_event_open),
	DENY(userfaultfd),
	DENY(io_uring_setup),
	DENY(add_key),
	DENY(request_key),
	DENY(keyctl),
	DENY(personality),
	DENY(settimeofday),
	DENY(clock_settime),
	DENY(adjtimex),
	DENY(clock_adjtime),
	DENY(sethostname),
	DENY(setdomainname),
	RETURN(SECCOMP_RET_ALLOW),
};

int sandbox_lock(struct error **err)
{
	if (SANITIZED)
		return 0;
	const struct sock_fprog program = {.len = ARRAY_SIZE(filter), .filter = filter};
	if (syscall(__NR_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program) !=
		0)
		return err_errno(err, ERR_SYSTEM, errno, "seccomp");
	return 0;
}
