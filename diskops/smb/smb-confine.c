/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "smb-confine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "mem.h"

/* ---- files ---- */

#define READ  (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define WRITE LANDLOCK_ACCESS_FS_WRITE_FILE

/* Libraries and their tables, names and addresses. */
static const struct {
	const char *path;
	uint64_t access;
} allowed[] = {
	{"/usr", READ},
	{"/lib", READ},
	{"/lib64", READ},
	{"/etc", READ},
	{"/run/systemd/resolve", READ},
	{"/dev/urandom", LANDLOCK_ACCESS_FS_READ_FILE},
	{"/dev/null", LANDLOCK_ACCESS_FS_READ_FILE | WRITE},
#if defined(__SANITIZE_ADDRESS__) /* whose leak check looks at the process's threads */
	{"/proc", READ},
#endif
};

/* Every access that the kernel can refuse: the first thirteen, then one more a version. */
static uint64_t all_accesses(long abi)
{
	uint64_t all = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1;
	if (abi >= 2)
		all |= UINT64_C(1) << 13; /* refer */
	if (abi >= 3)
		all |= UINT64_C(1) << 14; /* truncate */
	return all;
}

static int allow(int ruleset, const char *path, uint64_t access)
{
	CLEANUP_CLOSE int fd = open(path, O_PATH | O_CLOEXEC);
	if (fd < 0)
		return 0; /* what is not there is not missed */
	const struct landlock_path_beneath_attr rule = {.allowed_access = access, .parent_fd = fd};
	return (int)syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
}

static int confine_files(void)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	if (abi < 0)
		return errno == ENOSYS || errno == EOPNOTSUPP ? 0 : -1;
	const struct landlock_ruleset_attr attr = {.handled_access_fs = all_accesses(abi)};
	CLEANUP_CLOSE int ruleset =
		(int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);
	if (ruleset < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(allowed); i++)
		if (allow(ruleset, allowed[i].path, allowed[i].access) < 0)
			return -1;
	return (int)syscall(SYS_landlock_restrict_self, ruleset, 0);
}

/* ---- programs and processes ---- */

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCH AUDIT_ARCH_AARCH64
#else
#error "name this machine's AUDIT_ARCH_ constant here"
#endif

#define LOAD(member) \
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (unsigned)offsetof(struct seccomp_data, member))
#define RETURN(action)	  BPF_STMT(BPF_RET | BPF_K, (action))
#define SKIP_UNLESS(x, n) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)(x), 0, (n))
#define DENY(name)	  SKIP_UNLESS(__NR_##name, 1), RETURN(SECCOMP_RET_ERRNO | EPERM)
#define LOW_ARG(i)	  args[i] /* little-endian: the low half comes first */
/* Only with this as the first argument: whom a call is about. */
#define ONLY_FOR(name, whom)                                                 \
	SKIP_UNLESS(__NR_##name, 4), LOAD(LOW_ARG(0)), SKIP_UNLESS(whom, 1), \
		RETURN(SECCOMP_RET_ALLOW), RETURN(SECCOMP_RET_ERRNO | EPERM)

static int confine_calls(void)
{
	const pid_t self = getpid();
	struct sock_filter filter[] = {
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
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, CLONE_THREAD, 0, 1),
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
		ONLY_FOR(kill, self),
		ONLY_FOR(tgkill, self),
		ONLY_FOR(rt_sigqueueinfo, self),
		ONLY_FOR(rt_tgsigqueueinfo, self),
		DENY(tkill),
		DENY(pidfd_open),
		DENY(pidfd_send_signal),
		DENY(pidfd_getfd),
		ONLY_FOR(prlimit64, 0),
		DENY(ptrace),
		DENY(process_vm_readv),
		DENY(process_vm_writev),
		DENY(kcmp),
		DENY(unshare),
		DENY(setns),
		DENY(mount),
		DENY(bpf),
		DENY(perf_event_open),
		DENY(userfaultfd),
		DENY(io_uring_setup),
		DENY(add_key),
		DENY(request_key),
		DENY(keyctl),
		RETURN(SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog program = {.len = ARRAY_SIZE(filter), .filter = filter};
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program) ==
			       0
		       ? 0
		       : -1;
}

int smb_confine(void)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || confine_files() < 0)
		return -1;
#if defined(__SANITIZE_ADDRESS__) /* whose leak check forks and traces */
	return 0;
#endif
	return confine_calls();
}
