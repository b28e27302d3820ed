/*
 * Says what KVM on this host can do by running guest code in the processor's 64-bit kernel mode. Prints one line of JSON and exits 0 whatever the
 * answer is:
 *
 *   {"step":"done","errno":0,"apiVersion":12,"exitReason":5,"suberror":0,
 *    "checks":{"lock cmpxchg16b":true,"int3":true,"hlt":true},"tscKhz":2596098}
 *
 * `step` is the step that failed, or "done" when the guest came to its end; `checks` are the instructions it ran, in order; `tscKhz` is the
 * measured frequency of this processor's time stamp counter, 0 if it cannot be told. Usage: kvm-probe [device]
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "guest.h"
#include "tsc-frequency.h"

enum {
    TIME_LIMIT_SECONDS = 3,
    /* Exits that are neither a halt nor an error, before we give up. */
    MAX_OTHER_EXITS = 16,
};
struct outcome {
    const char *step;
    int error;
    int api_version;
    uint32_t exit_reason;
    uint32_t suberror;
    struct guest_check checks[GUEST_MAX_CHECKS];
    unsigned check_count;
};

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
    const char *step = "prepare";

    if (!guest_vm_prepare(vm, &step))
        return failed(outcome, step);
    if (ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region) < 0)
        return failed(outcome, "set_memory");
    *vcpu = ioctl(vm, KVM_CREATE_VCPU, 0UL);
    if (*vcpu < 0)
        return failed(outcome, "create_vcpu");
    return guest_vcpu_prepare(kvm, vm, *vcpu, &step) || failed(outcome, step);
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
    outcome->check_count = guest_checks(run, memory, outcome->checks);
    outcome->step = guest_has_ended(run, memory) ? "done" : "guest";
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
    vm = ioctl(kvm, KVM_CREATE_VM, guest_vm_type(kvm));
    if (vm < 0)
        return failed(outcome, "create_vm");
    if (!create_vcpu(kvm, vm, memory, &vcpu, outcome))
        return false;
    run = mmap(NULL, (size_t)run_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
    if (run == MAP_FAILED)
        return failed(outcome, "mmap_run");
    /* What was opened and mapped goes with the process, which does nothing else. */
    return run_guest(vcpu, run, memory, outcome);
}

static bool print_outcome(const struct outcome *outcome, uint32_t tsc_khz)
{
    if (printf("{\"step\":\"%s\",\"errno\":%d,\"apiVersion\":%d,\"exitReason\":%u,\"suberror\":%u,\"checks\":{", outcome->step,
               outcome->error, outcome->api_version, outcome->exit_reason, outcome->suberror) < 0)
        return false;
    for (unsigned index = 0; index < outcome->check_count; index++) {
        const struct guest_check *check = &outcome->checks[index];
        if (printf("%s\"%s\":%s", index == 0 ? "" : ",", check->instruction, check->passed ? "true" : "false") < 0)
            return false;
    }
    return printf("},\"tscKhz\":%u}\n", tsc_khz) >= 0 && fflush(stdout) == 0;
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
    return print_outcome(&outcome, tsc_khz) ? 0 : 1;
}
