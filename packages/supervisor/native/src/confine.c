#include "confine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define NATIVE_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define NATIVE_ARCH AUDIT_ARCH_AARCH64
#else
#error "no system call table for this architecture"
#endif

/* Everything the event loop and the end of the box call; a system call that is missing fails with EPERM. */
static const int ALLOWED[] = {
	SYS_read, SYS_write, SYS_writev, SYS_close, SYS_openat, SYS_fstat, SYS_newfstatat, SYS_fcntl, SYS_lseek, SYS_unlinkat,
	SYS_renameat, SYS_renameat2, SYS_fsync, SYS_epoll_ctl, SYS_epoll_pwait, SYS_ppoll, SYS_accept4, SYS_getsockopt,
	SYS_sendmsg, SYS_timerfd_settime, SYS_clock_gettime, SYS_kill, SYS_pidfd_send_signal, SYS_wait4, SYS_waitid, SYS_munmap,
	SYS_madvise, SYS_brk, SYS_getpid, SYS_gettid, SYS_geteuid, SYS_getuid, SYS_tkill, SYS_tgkill, SYS_exit, SYS_exit_group,
	SYS_rt_sigreturn, SYS_rt_sigprocmask, SYS_restart_syscall, SYS_nanosleep, SYS_clock_nanosleep,
#if defined(__x86_64__)
	SYS_open, SYS_epoll_wait, SYS_poll, SYS_unlink, SYS_rename,
#endif
};

#define ALLOWED_COUNT (sizeof(ALLOWED) / sizeof(ALLOWED[0]))
#define FIELD(name) ((uint32_t)offsetof(struct seccomp_data, name))

static bool restrict_calls(bool diagnosing)
{
	/* Prologue of 4, two a call, 7 for a diagnosis, 4 for mmap's protection bits, the verdict. */
	static struct sock_filter code[4 + 2 * ALLOWED_COUNT + 7 + 5];
	struct sock_fprog program = {.filter = code};
	size_t at = 0;

	code[at++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, FIELD(arch));
	code[at++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, NATIVE_ARCH, 1, 0);
	code[at++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
	code[at++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, FIELD(nr));
	for (size_t index = 0; index < ALLOWED_COUNT; index++) {
		code[at++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)ALLOWED[index], 0, 1);
		code[at++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	}
	if (diagnosing) {
		code[at++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_recvmsg, 0, 1);
		code[at++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
		code[at++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_ioctl, 0, 4);
		code[at++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, FIELD(args[1]));
		code[at++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)SECCOMP_IOCTL_NOTIF_RECV, 0, 1);
		code[at++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
		code[at++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM);
	}
	code[at++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mmap, 0, 3);
	code[at++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, FIELD(args[2]));
	code[at++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, PROT_EXEC, 1, 0);
	code[at++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	code[at++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM);
	program.len = (unsigned short)at;
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0)
		return true;
	/* A kernel built without seccomp. */
	return errno == EINVAL || errno == ENOSYS;
}

static bool allow_below(int ruleset, int dir, uint64_t access)
{
	struct landlock_path_beneath_attr rule = {.allowed_access = access, .parent_fd = dir};

	return syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) == 0;
}

static bool allow_proc(int ruleset)
{
	int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (proc < 0)
		return false;
	bool allowed = allow_below(ruleset, proc, LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR);

	(void)close(proc);
	return allowed;
}

static bool restrict_files(const struct confine_dir *dirs, size_t count)
{
	const uint64_t removes = LANDLOCK_ACCESS_FS_REMOVE_FILE;
	const uint64_t writes = removes | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG;
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	/* Bits 0 to 12 since ABI 1, REFER (13) since 2, TRUNCATE (14) since 3: linux/landlock.h. */
	struct landlock_ruleset_attr handled = {.handled_access_fs = (1u << (abi >= 3 ? 15 : abi == 2 ? 14 : 13)) - 1};
	bool done = true;

	if (abi < 0)
		return errno == ENOSYS || errno == EOPNOTSUPP;
	int ruleset = (int)syscall(SYS_landlock_create_ruleset, &handled, sizeof(handled), 0);

	if (ruleset < 0)
		return false;
	for (size_t index = 0; done && index < count; index++)
		done = allow_below(ruleset, dirs[index].fd, dirs[index].writes ? writes : removes);
	done = done && allow_proc(ruleset) && syscall(SYS_landlock_restrict_self, ruleset, 0) == 0;
	int saved = errno;

	(void)close(ruleset);
	errno = saved;
	return done;
}

bool confine_self(const struct confine_dir *dirs, size_t count, bool diagnosing)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return false;
	return restrict_files(dirs, count) && restrict_calls(diagnosing);
}
