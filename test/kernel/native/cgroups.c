/* Limits of cgroup v2, each set on a cgroup of its own and met by a process in it. */
#include "probe.h"

#include <errno.h>
#include <linux/bpf.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ROOT "/sys/fs/cgroup/"
#define MIB (1u << 20)

static char directory[128];

static const char *file(const char *name)
{
    static char path[256];
    (void)snprintf(path, sizeof path, "%s/%s", directory, name);
    return path;
}

static void make_cgroup(const char *name)
{
    (void)snprintf(directory, sizeof directory, ROOT "probe-%s-%d", name, (int)getpid());
    must(mkdir(directory, 0755), directory);
}

static void remove_cgroup(void)
{
    must(rmdir(directory), directory);
}

static void enter(void)
{
    put_text(file("cgroup.procs"), "0");
}

/* The number behind a word in a file such as memory.events; -1 when there is none. */
static long field(const char *name, const char *word)
{
    char text[4096];
    get_text(file(name), text, sizeof text);
    for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        size_t length = strlen(word);
        if (strncmp(line, word, length) == 0 && line[length] == ' ')
            return atol(line + length);
    }
    return -1;
}

static void use_much_memory(void)
{
    enter();
    char *memory = mmap(NULL, 128 * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    check(memory != MAP_FAILED, "mmap");
    memset(memory, 1, 128 * MIB);
}

/* memory-limit: who uses more than memory.max is killed, and memory.events counts it. */
void probe_memory_limit(char **arguments)
{
    (void)arguments;
    make_cgroup("memory");
    put_text(file("memory.max"), "16M");
    /* Not where the kernel has no swap. */
    if (access(file("memory.swap.max"), F_OK) == 0)
        put_text(file("memory.swap.max"), "0");
    int status = in_child(use_much_memory);
    check(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "the process was killed");
    check(field("memory.events", "oom_kill") == 1, "one kill was counted");
    remove_cgroup();
}

static void fork_too_often(void)
{
    enter();
    pid_t first = fork();
    if (first == 0) {
        (void)pause();
        _exit(0);
    }
    must(first, "the second process");
    pid_t second = fork();
    int reason = errno;
    if (second == 0)
        _exit(0);
    (void)kill(first, SIGKILL);
    (void)waitpid(first, NULL, 0);
    check(second < 0 && reason == EAGAIN, "the third process is refused");
}

/* pids-limit: a fork beyond pids.max is refused. */
void probe_pids_limit(char **arguments)
{
    (void)arguments;
    make_cgroup("pids");
    put_text(file("pids.max"), "2");
    check(in_child(fork_too_often) == 0, "the process was held");
    check(field("pids.events", "max") >= 1, "the refusal was counted");
    remove_cgroup();
}

static void burn(void)
{
    enter();
    struct timespec begun;
    struct timespec now;
    must(clock_gettime(CLOCK_MONOTONIC, &begun), "clock_gettime");
    do
        must(clock_gettime(CLOCK_MONOTONIC, &now), "clock_gettime");
    while (now.tv_sec - begun.tv_sec < 2 && (now.tv_sec - begun.tv_sec) * 1000 + (now.tv_nsec - begun.tv_nsec) / 1000000 < 500);
}

/* cpu-limit: who has a tenth of a processor waits for it. */
void probe_cpu_limit(char **arguments)
{
    (void)arguments;
    make_cgroup("cpu");
    put_text(file("cpu.max"), "5000 50000");
    put_text(file("cpu.weight"), "50");
    check(in_child(burn) == 0, "the process has ended");
    check(field("cpu.stat", "nr_throttled") >= 2, "it was held up");
    remove_cgroup();
}

static void count_processors(void)
{
    cpu_set_t set;
    enter();
    must(sched_getaffinity(0, sizeof set, &set), "sched_getaffinity");
    check(CPU_COUNT(&set) == 1 && CPU_ISSET(1, &set), "there is the second processor and no other");
}

/* cpuset: on a machine of two processors or more, the second alone. */
void probe_cpuset(char **arguments)
{
    (void)arguments;
    make_cgroup("cpuset");
    put_text(file("cpuset.cpus"), "1");
    put_text(file("cpuset.mems"), "0");
    check(in_child(count_processors) == 0, "the process has one processor");
    remove_cgroup();
}

/* freeze: what a cgroup holds stands still, and goes on. */
void probe_freeze(char **arguments)
{
    (void)arguments;
    make_cgroup("freeze");
    volatile unsigned *count = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    check(count != MAP_FAILED, "mmap");
    pid_t child = must(fork(), "fork");
    if (child == 0) {
        enter();
        for (;;)
            ++*count;
    }
    while (*count == 0)
        (void)sched_yield();
    put_text(file("cgroup.freeze"), "1");
    while (field("cgroup.events", "frozen") != 1)
        (void)sched_yield();
    unsigned frozen_at = *count;
    (void)usleep(50000);
    check(*count == frozen_at, "a frozen process stands still");
    put_text(file("cgroup.freeze"), "0");
    while (*count == frozen_at)
        (void)sched_yield();
    must(kill(child, SIGKILL), "kill");
    must(waitpid(child, NULL, 0), "waitpid");
    remove_cgroup();
}

static void open_denied(void)
{
    enter();
    check(open("/dev/zero", O_RDONLY) < 0 && errno == EPERM, "the device is refused");
    must(open("/dev/null", O_RDONLY), "another device is not");
}

/* device-program: as container runtimes limit devices in cgroup v2, by a BPF program on the cgroup. It refuses 1:5, /dev/zero. */
void probe_device_program(char **arguments)
{
    (void)arguments;
    static char messages[4096];
    /* r1 is struct bpf_cgroup_dev_ctx: access type, major, minor. */
    const struct bpf_insn program[] = {
        { .code = BPF_LDX | BPF_W | BPF_MEM, .dst_reg = BPF_REG_2, .src_reg = BPF_REG_1, .off = 4 },
        { .code = BPF_LDX | BPF_W | BPF_MEM, .dst_reg = BPF_REG_3, .src_reg = BPF_REG_1, .off = 8 },
        { .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 1 },
        { .code = BPF_JMP | BPF_JNE | BPF_K, .dst_reg = BPF_REG_2, .imm = 1, .off = 2 },
        { .code = BPF_JMP | BPF_JNE | BPF_K, .dst_reg = BPF_REG_3, .imm = 5, .off = 1 },
        { .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 0 },
        { .code = BPF_JMP | BPF_EXIT },
    };
    union bpf_attr load = {
        .prog_type = BPF_PROG_TYPE_CGROUP_DEVICE,
        .insns = (uintptr_t)program,
        .insn_cnt = sizeof program / sizeof program[0],
        .license = (uintptr_t)"GPL",
        .log_buf = (uintptr_t)messages,
        .log_size = sizeof messages,
        .log_level = 1,
    };
    make_cgroup("devices");
    int loaded = (int)syscall(SYS_bpf, BPF_PROG_LOAD, &load, sizeof load);
    if (loaded < 0)
        broken("loading the program: %s", messages);
    int cgroup = must(open(directory, O_RDONLY | O_DIRECTORY), directory);
    union bpf_attr attach = {
        .target_fd = (unsigned)cgroup,
        .attach_bpf_fd = (unsigned)loaded,
        .attach_type = BPF_CGROUP_DEVICE,
        .attach_flags = BPF_F_ALLOW_MULTI,
    };
    must(syscall(SYS_bpf, BPF_PROG_ATTACH, &attach, sizeof attach), "attaching the program");
    check(in_child(open_denied) == 0, "the process was held");
    remove_cgroup();
}
