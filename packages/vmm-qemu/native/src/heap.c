/* One heap for all threads: each other would begin with room of its own, and few of QEMU's threads allocate at the same time. */
#include <malloc.h>

__attribute__((constructor)) static void use_one_heap(void)
{
    mallopt(M_ARENA_MAX, 1);
}
