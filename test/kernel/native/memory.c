#include "probe.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT 21
#endif
#define MIB (1u << 20)
#define PAGE 4096u

static long swap_free_kib(void)
{
    static char text[8192];
    get_text("/proc/meminfo", text, sizeof text);
    const char *line = strstr(text, "SwapFree:");
    return line == NULL ? -1 : atol(line + strlen("SwapFree:"));
}

/* pageout MIB: memory goes out to the swap there is, and comes back as it was. Its pages compress to about a half. */
void probe_pageout(char **arguments)
{
    size_t size = (size_t)atol(arguments[0]) * MIB;
    long before = swap_free_kib();
    check(before > 0, "there is swap");
    unsigned char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    check(memory != MAP_FAILED, "mmap");
    uint32_t state = 1;
    for (size_t at = 0; at < size; at++) {
        state = at % PAGE < PAGE / 2 ? state * 1664525u + 1013904223u : state;
        memory[at] = (unsigned char)(state >> 24);
    }
    must(madvise(memory, size, MADV_PAGEOUT), "MADV_PAGEOUT");
    long used = before - swap_free_kib();
    (void)printf("%ld KiB went out\n", used);
    check(used >= (long)(size / 2 / 1024), "half of the memory has gone out");
    state = 1;
    for (size_t at = 0; at < size; at++) {
        state = at % PAGE < PAGE / 2 ? state * 1664525u + 1013904223u : state;
        if (memory[at] != (unsigned char)(state >> 24))
            check(false, "the memory comes back as it was");
    }
}

/* fill MIB: uses that much memory and gives it back. */
void probe_fill(char **arguments)
{
    size_t size = (size_t)atol(arguments[0]) * MIB;
    unsigned char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    check(memory != MAP_FAILED, "mmap");
    for (size_t at = 0; at < size; at += PAGE)
        memory[at] = 1;
}
