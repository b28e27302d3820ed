/*
 * The guest: code copied to GUEST_CODE_ADDRESS and entered at EL1 with the MMU off. It takes an exception through its own vector table,
 * returns from it, and ends by storing its result where there is no memory. Position independent.
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
    mov w1, wzr
    brk #0
    orr w1, w1, #GUEST_RESULT_DONE
    mov x3, #GUEST_EXIT_ADDRESS
    str w1, [x3]
halt:
    b halt

    .balign 2048
vectors:
    /* Of 16 entries of 128 bytes, the fifth: synchronous, from this level with its own stack pointer. */
    .skip 0x200
    add w1, w1, #1
    mrs x2, elr_el1
    add x2, x2, #4
    msr elr_el1, x2
    eret
guest_code_end:

    .section .note.GNU-stack, "", %progbits
