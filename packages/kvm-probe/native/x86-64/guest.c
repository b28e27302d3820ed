#include "../guest.h"

#include <string.h>
#include <sys/ioctl.h>

#include "guest-layout.h"

extern const uint8_t guest_code_start[];
extern const uint8_t guest_code_end[];
extern const uint8_t guest_breakpoint_handler[];

/* Intel SDM volume 3: paging entries (4.5), control registers (2.5), segment descriptors (3.4.5), IDT gates (6.14). */
enum {
    PAGE_PRESENT = 1,
    PAGE_WRITABLE = 2,
    PAGE_LARGE = 0x80,
    CR0_PE = 1,
    CR0_ET = 0x10,
    CR0_NE = 0x20,
    CR4_PAE = 0x20,
    EFER_LME = 0x100,
    EFER_LMA = 0x400,
    CODE_SELECTOR = 0x08,
    DATA_SELECTOR = 0x10,
    BREAKPOINT_VECTOR = 3,
    GATE_BYTES = 16,
    GDT_ENTRIES = 3,
    RFLAGS_RESERVED = 2,
    MAX_CPUID_ENTRIES = 256,
};
/* Three pages below 4 GiB that Intel CPUs without unrestricted guest mode need (Documentation/virt/kvm/api.rst, 4.35). */
#define TSS_ADDRESS 0xfffbd000UL
#define CR0_PG 0x80000000U
#define GDT_CODE64 0x00af9b000000ffffULL
#define GDT_DATA 0x00cf93000000ffffULL

struct cpuid_table {
    struct kvm_cpuid2 header;
    struct kvm_cpuid_entry2 entries[MAX_CPUID_ENTRIES];
};

static struct cpuid_table cpuid_table;

static void put64(uint8_t *memory, uint32_t address, uint64_t value)
{
    memcpy(memory + address, &value, sizeof value);
}

static void write_breakpoint_gate(uint8_t *memory)
{
    const uint64_t handler = GUEST_CODE_ADDRESS + (uint64_t)(guest_breakpoint_handler - guest_code_start);
    const uint64_t interrupt_gate = 0x8e;
    const uint32_t gate = GUEST_IDT_ADDRESS + BREAKPOINT_VECTOR * GATE_BYTES;

    put64(memory, gate,
          (handler & 0xffff) | ((uint64_t)CODE_SELECTOR << 16) | (interrupt_gate << 40) | ((handler >> 16 & 0xffff) << 48));
    put64(memory, gate + 8, handler >> 32);
}

bool guest_memory_fill(uint8_t *memory)
{
    const size_t code_bytes = (size_t)(guest_code_end - guest_code_start);

    if (code_bytes > 4096)
        return false;
    /* The first 2 MiB, each address to itself. */
    put64(memory, GUEST_PML4_ADDRESS, GUEST_PDPT_ADDRESS | PAGE_PRESENT | PAGE_WRITABLE);
    put64(memory, GUEST_PDPT_ADDRESS, GUEST_PD_ADDRESS | PAGE_PRESENT | PAGE_WRITABLE);
    put64(memory, GUEST_PD_ADDRESS, PAGE_PRESENT | PAGE_WRITABLE | PAGE_LARGE);
    put64(memory, GUEST_GDT_ADDRESS + CODE_SELECTOR, GDT_CODE64);
    put64(memory, GUEST_GDT_ADDRESS + DATA_SELECTOR, GDT_DATA);
    write_breakpoint_gate(memory);
    memcpy(memory + GUEST_CODE_ADDRESS, guest_code_start, code_bytes);
    return true;
}

static struct kvm_segment flat_segment(uint16_t selector, uint8_t type, bool is_code64)
{
    return (struct kvm_segment){
        .limit = 0xffffffff,
        .selector = selector,
        .type = type,
        .present = 1,
        .db = is_code64 ? 0 : 1,
        .s = 1,
        .l = is_code64 ? 1 : 0,
        .g = 1,
    };
}

static void enter_long_mode(struct kvm_sregs *sregs, struct kvm_regs *regs)
{
    const uint8_t execute_read_accessed = 0xb;
    const uint8_t read_write_accessed = 0x3;

    sregs->cs = flat_segment(CODE_SELECTOR, execute_read_accessed, true);
    sregs->ds = flat_segment(DATA_SELECTOR, read_write_accessed, false);
    sregs->es = sregs->fs = sregs->gs = sregs->ss = sregs->ds;
    sregs->gdt.base = GUEST_GDT_ADDRESS;
    sregs->gdt.limit = GDT_ENTRIES * 8 - 1;
    sregs->idt.base = GUEST_IDT_ADDRESS;
    sregs->idt.limit = (BREAKPOINT_VECTOR + 1) * GATE_BYTES - 1;
    sregs->cr3 = GUEST_PML4_ADDRESS;
    sregs->cr4 = CR4_PAE;
    sregs->cr0 = CR0_PE | CR0_ET | CR0_NE | CR0_PG;
    sregs->efer = EFER_LME | EFER_LMA;

    memset(regs, 0, sizeof *regs);
    regs->rip = GUEST_CODE_ADDRESS;
    regs->rsp = GUEST_STACK_TOP;
    regs->rflags = RFLAGS_RESERVED;
}

static bool failed(const char **step, const char *name)
{
    *step = name;
    return false;
}

unsigned long guest_vm_type(int kvm)
{
    (void)kvm;
    return 0;
}

bool guest_vm_prepare(int vm, const char **step)
{
    return ioctl(vm, KVM_SET_TSS_ADDR, TSS_ADDRESS) == 0 || failed(step, "set_tss_addr");
}

bool guest_vcpu_prepare(int kvm, int vm, int vcpu, const char **step)
{
    struct kvm_sregs sregs;
    struct kvm_regs regs;

    (void)vm;
    cpuid_table.header.nent = MAX_CPUID_ENTRIES;
    if (ioctl(kvm, KVM_GET_SUPPORTED_CPUID, &cpuid_table) < 0)
        return failed(step, "get_cpuid");
    if (ioctl(vcpu, KVM_SET_CPUID2, &cpuid_table) < 0)
        return failed(step, "set_cpuid");
    if (ioctl(vcpu, KVM_GET_SREGS, &sregs) < 0)
        return failed(step, "get_sregs");
    enter_long_mode(&sregs, &regs);
    if (ioctl(vcpu, KVM_SET_SREGS, &sregs) < 0)
        return failed(step, "set_sregs");
    if (ioctl(vcpu, KVM_SET_REGS, &regs) < 0)
        return failed(step, "set_regs");
    return true;
}

bool guest_has_ended(const struct kvm_run *run, const uint8_t *memory)
{
    return run->exit_reason == KVM_EXIT_HLT && memory[GUEST_RESULT_ADDRESS + GUEST_RESULT_DONE] == 1;
}

unsigned guest_checks(const struct kvm_run *run, const uint8_t *memory, struct guest_check *checks)
{
    const uint8_t *result = memory + GUEST_RESULT_ADDRESS;

    (void)run;
    checks[0] = (struct guest_check){.instruction = "lock cmpxchg16b", .passed = result[GUEST_RESULT_CMPXCHG16B] == 1};
    checks[1] = (struct guest_check){.instruction = "int3", .passed = result[GUEST_RESULT_BREAKPOINTS] == 1};
    checks[2] = (struct guest_check){.instruction = "hlt", .passed = result[GUEST_RESULT_DONE] == 1};
    return 3;
}
