/*
 * QEMU describes the machine to its firmware in a buffer of 1 MiB, which libfdt fills with zeros; the firmware of a machine that goes on from a snapshot has
 * run already. What is written there afterwards takes a few kilobytes, and the whole buffer stays allocated.
 */
#include <dlfcn.h>
#include <stddef.h>
#include <string.h>

#include "export.h"

#define ENOUGH 65536
/* FDT_ERR_NOSPACE of libfdt.h, negative. */
#define NO_SPACE (-3)

EXPORT int fdt_create(void *buffer, int bytes)
{
    int (*create)(void *, int);
    void *found = dlsym(RTLD_NEXT, "fdt_create");
    memcpy(&create, &found, sizeof create);
    if (create == NULL)
        return NO_SPACE;
    return create(buffer, bytes > ENOUGH ? ENOUGH : bytes);
}
