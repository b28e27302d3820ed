/* Guest physical memory of the probe, shared by the C that builds it and the code that runs in it. One page each. */
#ifndef GUEST_LAYOUT_H
#define GUEST_LAYOUT_H

#define GUEST_PML4_ADDRESS 0x1000
#define GUEST_PDPT_ADDRESS 0x2000
#define GUEST_PD_ADDRESS 0x3000
#define GUEST_GDT_ADDRESS 0x4000
#define GUEST_IDT_ADDRESS 0x5000
#define GUEST_RESULT_ADDRESS 0x6000
#define GUEST_PAIR_ADDRESS 0x7000
#define GUEST_CODE_ADDRESS 0x8000
#define GUEST_STACK_TOP 0xf000

/* Bytes at GUEST_RESULT_ADDRESS. */
#define GUEST_RESULT_CMPXCHG16B 0
#define GUEST_RESULT_BREAKPOINTS 1
#define GUEST_RESULT_DONE 2

#endif
