#ifndef GUEST_MEMORY_H
#define GUEST_MEMORY_H

#include <linux/kvm.h>
#include <stdbool.h>
#include <stdint.h>

/* Writes page tables, GDT, IDT and code into zeroed guest memory of GUEST_MEMORY_BYTES. False if the code does not fit. */
bool guest_memory_fill(uint8_t *memory);

/* Turns the registers a fresh vCPU has into those of long mode at the entry of the guest's code. */
void guest_enter_long_mode(struct kvm_sregs *sregs, struct kvm_regs *regs);

#endif
