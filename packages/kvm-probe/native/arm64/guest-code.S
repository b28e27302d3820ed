/*
 * The guest: code copied to GUEST_CODE_ADDRESS and entered at EL1 with the MMU off. It takes an exception through its own vector table and
 * returns from it, leaves its results in memory, and ends with a store to where there is no memory. Position independent.
 */
#include "guest-layout.h"

    .section .rodata
    /* VBAR_EL1 ignores the low 11 bits (Arm ARM, D19.2 "VBAR_EL1"). */
    .balign 2048

    .globl guest_code_start
    .globl guest_code_end

guest_code_start:
    adr x0, vectors
    msr vbar_el1, x0
    isb
    mov x2, #GUEST_RESULT_ADDRESS
    brk #0
    mov w1, #1
    strb w1, [x2, #GUEST_RESULT_DONE]
    mov x3, #GUEST_EXIT_ADDRESS
    str w1, [x3]
halt:
    b halt

    .balign 2048
vectors:
    /* Of 16 entries of 128 bytes, the fifth: synchronous, from this level with its own stack pointer. */
    .skip 0x200
    ldrb w1, [x2, #GUEST_RESULT_BREAKPOINTS]
    add w1, w1, #1
    strb w1, [x2, #GUEST_RESULT_BREAKPOINTS]
    mrs x1, elr_el1
    add x1, x1, #4
    msr elr_el1, x1
    eret
guest_code_end:

    .section .note.GNU-stack, "", %progbits
