/*
 * What a processor architecture brings to the probe: a small guest, and how to enter it. One directory an architecture implements this; the ioctl
 * that fails is named through `step`, its error stays in errno.
 */
#ifndef GUEST_H
#define GUEST_H

#include <linux/kvm.h>
#include <stdbool.h>
#include <stdint.h>

enum {
    GUEST_MEMORY_BYTES = 0x10000,
    GUEST_MAX_CHECKS = 4,
};

/* An instruction the guest ran, and whether it had the effect it has on a processor. Names go into JSON as they are. */
struct guest_check {
    const char *instruction;
    bool passed;
};

/* Writes code and tables into zeroed guest memory of GUEST_MEMORY_BYTES at address 0. False if the code does not fit. */
bool guest_memory_fill(uint8_t *memory);

/* The machine type KVM_CREATE_VM is given. */
unsigned long guest_vm_type(int kvm);

/* Between the creation of the VM and that of its only vCPU. */
bool guest_vm_prepare(int vm, const char **step);

/* Turns a fresh vCPU into one that is about to run the guest's first instruction. */
bool guest_vcpu_prepare(int kvm, int vm, int vcpu, const char **step);

/* Whether this exit is the one the guest ends with. */
bool guest_has_ended(const struct kvm_run *run, const uint8_t *memory);

/* What the guest did, in the order in which it ran. Returns how many of GUEST_MAX_CHECKS are filled in. */
unsigned guest_checks(const struct kvm_run *run, const uint8_t *memory, struct guest_check *checks);

#endif
