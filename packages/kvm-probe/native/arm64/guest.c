#include "../guest.h"

#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>

#include "guest-layout.h"

extern const uint8_t guest_code_start[];
extern const uint8_t guest_code_end[];

/* Two pages: code and, 2 KiB after it, its vector table. */
enum { MAX_CODE_BYTES = 0x2000 };
/* Documentation/virt/kvm/api.rst, 4.68: core registers are named by their offset in struct kvm_regs, in 32-bit units. */
#define PROGRAM_COUNTER (KVM_REG_ARM64 | KVM_REG_SIZE_U64 | KVM_REG_ARM_CORE | KVM_REG_ARM_CORE_REG(regs.pc))

static bool failed(const char **step, const char *name)
{
    *step = name;
    return false;
}

bool guest_memory_fill(uint8_t *memory)
{
    const size_t code_bytes = (size_t)(guest_code_end - guest_code_start);

    if (code_bytes > MAX_CODE_BYTES)
        return false;
    memcpy(memory + GUEST_CODE_ADDRESS, guest_code_start, code_bytes);
    return true;
}

unsigned long guest_vm_type(int kvm)
{
    /* Type 0 asks for 40 bits of guest physical address, which small processors do not have. */
    const int bits = ioctl(kvm, KVM_CHECK_EXTENSION, (unsigned long)KVM_CAP_ARM_VM_IPA_SIZE);

    return bits > 0 ? KVM_VM_TYPE_ARM_IPA_SIZE((unsigned long)bits) : 0;
}

bool guest_vm_prepare(int vm, const char **step)
{
    (void)vm;
    (void)step;
    return true;
}

bool guest_vcpu_prepare(int kvm, int vm, int vcpu, const char **step)
{
    struct kvm_vcpu_init init = {0};
    uint64_t entry = GUEST_CODE_ADDRESS;
    const struct kvm_one_reg program_counter = {.id = PROGRAM_COUNTER, .addr = (uint64_t)(uintptr_t)&entry};

    (void)kvm;
    if (ioctl(vm, KVM_ARM_PREFERRED_TARGET, &init) < 0)
        return failed(step, "preferred_target");
    /* A fresh vCPU is at EL1 with its MMU off and its interrupts masked. */
    if (ioctl(vcpu, KVM_ARM_VCPU_INIT, &init) < 0)
        return failed(step, "vcpu_init");
    if (ioctl(vcpu, KVM_SET_ONE_REG, &program_counter) < 0)
        return failed(step, "set_pc");
    return true;
}

/* The word of the last store. It comes through KVM: what a guest with its MMU off writes to memory goes past caches that we would read from. */
static uint32_t stored_word(const struct kvm_run *run)
{
    uint32_t word = 0;

    if (run->exit_reason != KVM_EXIT_MMIO || !run->mmio.is_write || run->mmio.phys_addr != GUEST_EXIT_ADDRESS)
        return 0;
    if (run->mmio.len != sizeof word)
        return 0;
    memcpy(&word, run->mmio.data, sizeof word);
    return word;
}

bool guest_has_ended(const struct kvm_run *run, const uint8_t *memory)
{
    (void)memory;
    return (stored_word(run) & GUEST_RESULT_DONE) != 0;
}

unsigned guest_checks(const struct kvm_run *run, const uint8_t *memory, struct guest_check *checks)
{
    const uint32_t word = stored_word(run);

    (void)memory;
    checks[0] = (struct guest_check){.instruction = "brk", .passed = (word & ~GUEST_RESULT_DONE) == 1};
    checks[1] = (struct guest_check){.instruction = "str", .passed = (word & GUEST_RESULT_DONE) != 0};
    return 2;
}
