/*
 * Says what KVM on this host can do by running 64-bit guest code. Prints one line of JSON and exits 0 whatever the answer is:
 *
 *   {"step":"done","errno":0,"apiVersion":12,"exitReason":5,"suberror":0,"cmpxchg16b":true,"int3":true,
 *    "tscKhz":2596098}
 *
 * `step` is the step that failed, or "done" when the guest halted; `tscKhz` is the measured frequency of this processor's time stamp
 * counter, 0 if it cannot be told. Usage: kvm-probe [device]
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "guest-layout.h"
#include "guest-memory.h"
#include "tsc-frequency.h"

enum {
    TIME_LIMIT_SECONDS = 3,
    MAX_CPUID_ENTRIES = 256,
    /* Exits that are neither a halt nor an error, before we give up. */
    MAX_OTHER_EXITS = 16,
};
/* Three pages below 4 GiB that Intel CPUs without unrestricted guest mode need (Documentation/virt/kvm/api.rst, 4.35). */
#define TSS_ADDRESS 0xfffbd000UL

struct outcome {
    const char *step;
    int error;
    int api_version;
    uint32_t exit_reason;
    uint32_t suberror;
    bool cmpxchg16b;
    bool int3;
};

struct cpuid_table {
    struct kvm_cpuid2 header;
    struct kvm_cpuid_entry2 entries[MAX_CPUID_ENTRIES];
};

static struct cpuid_table cpuid_table;

static void on_alarm(int signal_number)
{
    /* Only interrupts KVM_RUN, which then fails with EINTR. */
    (void)signal_number;
}

static bool failed(struct outcome *outcome, const char *step)
{
    outcome->step = step;
    outcome->error = errno;
    return false;
}

static bool create_vcpu(int kvm, int vm, uint8_t *memory, int *vcpu, struct outcome *outcome)
{
    const struct kvm_userspace_memory_region region = {
        .memory_size = GUEST_MEMORY_BYTES,
        .userspace_addr = (uint64_t)(uintptr_t)memory,
    };

    if (ioctl(vm, KVM_SET_TSS_ADDR, TSS_ADDRESS) < 0)
        return failed(outcome, "set_tss_addr");
    if (ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region) < 0)
        return failed(outcome, "set_memory");
    *vcpu = ioctl(vm, KVM_CREATE_VCPU, 0UL);
    if (*vcpu < 0)
        return failed(outcome, "create_vcpu");
    cpuid_table.header.nent = MAX_CPUID_ENTRIES;
    if (ioctl(kvm, KVM_GET_SUPPORTED_CPUID, &cpuid_table) < 0)
        return failed(outcome, "get_cpuid");
    if (ioctl(*vcpu, KVM_SET_CPUID2, &cpuid_table) < 0)
        return failed(outcome, "set_cpuid");
    return true;
}

static bool set_registers(int vcpu, struct outcome *outcome)
{
    struct kvm_sregs sregs;
    struct kvm_regs regs;

    if (ioctl(vcpu, KVM_GET_SREGS, &sregs) < 0)
        return failed(outcome, "get_sregs");
    guest_enter_long_mode(&sregs, &regs);
    if (ioctl(vcpu, KVM_SET_SREGS, &sregs) < 0)
        return failed(outcome, "set_sregs");
    if (ioctl(vcpu, KVM_SET_REGS, &regs) < 0)
        return failed(outcome, "set_regs");
    return true;
}

static bool run_guest(int vcpu, const struct kvm_run *run, const uint8_t *memory, struct outcome *outcome)
{
    for (int exits = 0; exits < MAX_OTHER_EXITS; exits++) {
        if (ioctl(vcpu, KVM_RUN, 0UL) < 0)
            return failed(outcome, errno == EINTR ? "time_limit" : "run");
        outcome->exit_reason = run->exit_reason;
        if (run->exit_reason == KVM_EXIT_INTR || run->exit_reason == KVM_EXIT_IRQ_WINDOW_OPEN)
            continue;
        if (run->exit_reason == KVM_EXIT_INTERNAL_ERROR)
            outcome->suberror = run->internal.suberror;
        break;
    }
    outcome->cmpxchg16b = memory[GUEST_RESULT_ADDRESS + GUEST_RESULT_CMPXCHG16B] == 1;
    outcome->int3 = memory[GUEST_RESULT_ADDRESS + GUEST_RESULT_BREAKPOINTS] == 1;
    outcome->step = outcome->exit_reason == KVM_EXIT_HLT && memory[GUEST_RESULT_ADDRESS + GUEST_RESULT_DONE] == 1 ? "done" : "guest";
    return true;
}

static bool probe(const char *device, struct outcome *outcome)
{
    int kvm, vm, vcpu, run_bytes;
    uint8_t *memory;
    struct kvm_run *run;

    kvm = open(device, O_RDWR | O_CLOEXEC);
    if (kvm < 0)
        return failed(outcome, "open");
    outcome->api_version = ioctl(kvm, KVM_GET_API_VERSION, 0UL);
    if (outcome->api_version < 0)
        return failed(outcome, "api_version");
    run_bytes = ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0UL);
    if (run_bytes < (int)sizeof *run)
        return failed(outcome, "mmap_size");
    memory = mmap(NULL, GUEST_MEMORY_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return failed(outcome, "mmap");
    if (!guest_memory_fill(memory))
        return failed(outcome, "guest_memory");
    vm = ioctl(kvm, KVM_CREATE_VM, 0UL);
    if (vm < 0)
        return failed(outcome, "create_vm");
    if (!create_vcpu(kvm, vm, memory, &vcpu, outcome) || !set_registers(vcpu, outcome))
        return false;
    run = mmap(NULL, (size_t)run_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
    if (run == MAP_FAILED)
        return failed(outcome, "mmap_run");
    /* What was opened and mapped goes with the process, which does nothing else. */
    return run_guest(vcpu, run, memory, outcome);
}

int main(int argc, char **argv)
{
    struct outcome outcome = {.step = "start"};
    const struct sigaction action = {.sa_handler = on_alarm};
    struct tsc_sample start;
    uint32_t tsc_khz = 0;
    bool has_sample;

    if (sigaction(SIGALRM, &action, NULL) < 0)
        return 1;
    alarm(TIME_LIMIT_SECONDS);
    has_sample = tsc_sample_take(&start);
    probe(argc > 1 ? argv[1] : "/dev/kvm", &outcome);
    if (has_sample)
        tsc_khz = tsc_frequency_khz(&start);
    if (printf("{\"step\":\"%s\",\"errno\":%d,\"apiVersion\":%d,\"exitReason\":%u,\"suberror\":%u,"
               "\"cmpxchg16b\":%s,\"int3\":%s,\"tscKhz\":%u}\n",
               outcome.step, outcome.error, outcome.api_version, outcome.exit_reason, outcome.suberror,
               outcome.cmpxchg16b ? "true" : "false", outcome.int3 ? "true" : "false", tsc_khz) < 0)
        return 1;
    return fflush(stdout) == 0 ? 0 : 1;
}
