/*
 * Small pages for the beginning of the translator's code, for which QEMU asks for huge ones: a machine that goes on and idles writes little more than that, and
 * would fill the last of its huge pages in part. What larger programs need lies behind it. Of other memory for which QEMU asks, the guest's is a file,
 * which has no huge pages, and the rest is smaller.
 */
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "export.h"

/* What the first command in a fork brings it to is 10 MiB (package README, "Memory"). */
#define BEGINNING (16u << 20)

EXPORT int madvise(void *address, size_t length, int advice)
{
    if (advice != MADV_HUGEPAGE || length <= BEGINNING)
        return (int)syscall(SYS_madvise, address, length, advice);
    /* Where all memory has huge pages, saying nothing is asking for them. */
    if (syscall(SYS_madvise, address, BEGINNING, MADV_NOHUGEPAGE) != 0)
        return -1;
    return (int)syscall(SYS_madvise, (char *)address + BEGINNING, length - BEGINNING, advice);
}
