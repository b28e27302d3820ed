/* Guest physical memory of the probe, shared by the C that builds it and the code that runs in it. */
#ifndef GUEST_LAYOUT_H
#define GUEST_LAYOUT_H

#define GUEST_CODE_ADDRESS 0x8000
/* Beyond the guest's memory: a store there leaves the guest (KVM_EXIT_MMIO). */
#define GUEST_EXIT_ADDRESS 0x100000

/* The word stored there: the number of breakpoints taken, and this bit. */
#define GUEST_RESULT_DONE 0x80000000

#endif
