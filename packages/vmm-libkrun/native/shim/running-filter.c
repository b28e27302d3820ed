#include "running-filter.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "report.h"

#if defined(__x86_64__)
#define NATIVE_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define NATIVE_ARCH AUDIT_ARCH_AARCH64
#else
#error "no system call table for this architecture"
#endif

/* linux/prctl.h names neither a filter's absence nor its presence. */
#define SECCOMP_NONE 0

#define FIELD(name) ((uint32_t)offsetof(struct seccomp_data, name))
/* Both architectures are little-endian: the lower half comes first. The kernel reads protections and options from it alone. */
#define ARGUMENT(index) (FIELD(args) + 8 * (index))
#define LOAD(offset) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (offset))
#define KILL BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS)
#define ALLOW BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)
#define REFUSE(call) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (call), 0, 1), KILL
#define REFUSE_EXECUTABLE(call)                                                                                         \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (call), 0, 4), LOAD(ARGUMENT(2)), BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, PROT_EXEC, 0, 1), KILL, ALLOW

void running_filter_install(void)
{
	static struct sock_filter code[] = {
		LOAD(FIELD(arch)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, NATIVE_ARCH, 1, 0),
		KILL,
		LOAD(FIELD(nr)),
		REFUSE(SYS_execve),
		REFUSE(SYS_execveat),
		REFUSE_EXECUTABLE(SYS_mmap),
		REFUSE_EXECUTABLE(SYS_mprotect),
		REFUSE(SYS_pkey_mprotect),
		REFUSE(SYS_seccomp),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_prctl, 0, 4),
		LOAD(ARGUMENT(0)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PR_SET_NAME, 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PR_GET_NAME, 1, 0),
		KILL,
		ALLOW,
	};
	const struct sock_fprog program = {.len = sizeof(code) / sizeof(code[0]), .filter = code};

	int mode = prctl(PR_GET_SECCOMP);

	/* EINVAL: a kernel, or an emulator of one, that has no filters. */
	if (mode == SECCOMP_NONE || (mode < 0 && errno == EINVAL))
		return;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		give_up(EXIT_MACHINE, "cannot give up new privileges: %s", strerror(errno));
	/* A number above zero is a thread that could not follow. */
	long result = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program);

	if (result != 0)
		give_up(EXIT_MACHINE, "cannot restrict system calls: %s", result < 0 ? strerror(errno) : "a thread did not follow");
}
