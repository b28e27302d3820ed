#include "staging.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char *const paths[STAGED_COUNT] = { STAGING "/hostname", STAGING "/hosts", STAGING "/resolv.conf", STAGING "/boot_id" };
static bool written[STAGED_COUNT];
static int files[STAGED_COUNT] = { -1, -1, -1, -1 };

bool staging_prepare(struct failure *failure)
{
    for (int file = 0; file < STAGED_COUNT; file++) {
        if (files[file] < 0)
            files[file] = open(paths[file], O_RDWR | O_CREAT | O_CLOEXEC, file == STAGED_BOOT_ID ? 0444 : 0644);
        if (files[file] < 0)
            return fail(failure, "internal", "", errno, "making %s", paths[file]);
    }
    return true;
}

const char *staged_path(enum staged_file file)
{
    return paths[file];
}

bool staging_write(enum staged_file file, const void *bytes, size_t length, struct failure *failure)
{
    /* The first time it is empty. Later the container may have made it longer. */
    bool empty = !written[file] || ftruncate(files[file], 0) == 0;
    written[file] = true;
    if (empty && pwrite(files[file], bytes, length, 0) == (ssize_t)length)
        return true;
    return fail(failure, "resource_exhausted", "", errno, "writing %s", paths[file]);
}

bool staging_write_hosts(const char *hostname, struct failure *failure)
{
    char text[256];
    int length = snprintf(text, sizeof text, "127.0.0.1\tlocalhost %s\n::1\tlocalhost ip6-localhost ip6-loopback\n", hostname);
    return staging_write(STAGED_HOSTS, text, (size_t)length, failure);
}

bool staging_write_hostname(const char *hostname, struct failure *failure)
{
    char text[128];
    int length = snprintf(text, sizeof text, "%s\n", hostname);
    return staging_write(STAGED_HOSTNAME, text, (size_t)length, failure);
}
