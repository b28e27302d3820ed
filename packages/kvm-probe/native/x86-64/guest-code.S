/*
 * The guest: 64-bit code copied to GUEST_CODE_ADDRESS and entered with paging on. It uses the two instructions that
 * tell a KVM with hardware virtualisation from one that emulates guest kernel mode, and leaves its results in memory, then halts.
 * Addresses are those of guest-layout.h; the code is position independent but for them.
 */
#include "guest-layout.h"

    .section .rodata
    .code64

    .globl guest_code_start
    .globl guest_code_end
    .globl guest_breakpoint_handler

guest_code_start:
    /* lock cmpxchg16b: compare 0:0 with what is there (0:0), store 2:1. */
    xorl %eax, %eax
    xorl %edx, %edx
    movl $1, %ebx
    movl $2, %ecx
    movl $GUEST_PAIR_ADDRESS, %edi
    lock cmpxchg16b (%rdi)
    setz %al
    movl $GUEST_RESULT_ADDRESS, %edi
    movb %al, GUEST_RESULT_CMPXCHG16B(%rdi)

    /* int3 through the IDT; the handler counts and returns here. */
    int3
    movb $1, GUEST_RESULT_DONE(%rdi)
halt:
    hlt
    jmp halt

guest_breakpoint_handler:
    incb GUEST_RESULT_BREAKPOINTS(%rdi)
    iretq
guest_code_end:

    .section .note.GNU-stack, "", @progbits
