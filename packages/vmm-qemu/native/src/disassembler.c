/*
 * This library goes by the name of the disassembler that QEMU is linked with (Makefile, `-soname`), so that the loader does not load that one: its tables are full of
 * addresses and cost every machine 1.5 MiB and 4 ms, and only somebody at a debugging monitor would use them. Each function says that it cannot; all
 * that capstone offers are here, because one that is missing would keep QEMU from starting.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "export.h"

/* Of capstone's cs_err: no such architecture; no such handle. */
#define NO_ARCHITECTURE 2
#define NO_HANDLE 4

EXPORT int cs_open(int architecture, int mode, size_t *handle)
{
    (void)architecture, (void)mode;
    *handle = 0;
    return NO_ARCHITECTURE;
}

EXPORT int cs_close(size_t *handle)
{
    *handle = 0;
    return NO_HANDLE;
}

EXPORT int cs_option(size_t handle, int type, size_t value)
{
    (void)handle, (void)type, (void)value;
    return NO_HANDLE;
}

EXPORT int cs_errno(size_t handle)
{
    (void)handle;
    return NO_HANDLE;
}

EXPORT const char *cs_strerror(int code)
{
    (void)code;
    return "no disassembler";
}

EXPORT unsigned cs_version(int *major, int *minor)
{
    if (major != NULL)
        *major = 0;
    if (minor != NULL)
        *minor = 0;
    return 0;
}

EXPORT bool cs_support(int query)
{
    (void)query;
    return false;
}

EXPORT size_t cs_disasm(size_t handle, const uint8_t *code, size_t bytes, uint64_t address, size_t count, void **instructions)
{
    (void)handle, (void)code, (void)bytes, (void)address, (void)count;
    *instructions = NULL;
    return 0;
}

EXPORT bool cs_disasm_iter(size_t handle, const uint8_t **code, size_t *bytes, uint64_t *address, void *instruction)
{
    (void)handle, (void)code, (void)bytes, (void)address, (void)instruction;
    return false;
}

EXPORT void *cs_malloc(size_t handle)
{
    (void)handle;
    return NULL;
}

EXPORT void cs_free(void *instructions, size_t count)
{
    (void)instructions, (void)count;
}

EXPORT const char *cs_reg_name(size_t handle, unsigned id)
{
    (void)handle, (void)id;
    return NULL;
}

EXPORT const char *cs_insn_name(size_t handle, unsigned id)
{
    return cs_reg_name(handle, id);
}

EXPORT const char *cs_group_name(size_t handle, unsigned id)
{
    return cs_reg_name(handle, id);
}
