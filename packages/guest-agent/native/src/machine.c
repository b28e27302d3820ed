#include "machine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/random.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "request.h"

bool machine_set_clock(uint64_t nanoseconds, struct failure *failure)
{
    if (nanoseconds == 0)
        return true;
    struct timespec now = { .tv_sec = (time_t)(nanoseconds / 1000000000u), .tv_nsec = (long)(nanoseconds % 1000000000u) };
    return clock_settime(CLOCK_REALTIME, &now) == 0 || fail(failure, "invalid_argument", "wall_clock_ns", errno, "setting the clock");
}

/* Of the random pool. Kept: a machine that continues from a capture has other things to do than to look for it. */
static int pool_fd = -1;

bool machine_open_pool(struct failure *failure)
{
    if (pool_fd < 0)
        pool_fd = open("/dev/random", O_RDWR | O_CLOEXEC);
    return pool_fd >= 0 || fail(failure, "internal", "entropy", errno, "opening the random pool");
}

bool machine_add_entropy(const uint8_t *bytes, size_t length, struct failure *failure)
{
    struct {
        struct rand_pool_info info;
        uint8_t bytes[MAX_ENTROPY_BYTES];
    } pool;
    if (length == 0)
        return true;
    if (length > sizeof pool.bytes)
        return fail(failure, "invalid_argument", "entropy", 0, "more than %u random bytes", MAX_ENTROPY_BYTES);
    pool.info.entropy_count = (int)length * 8;
    pool.info.buf_size = (int)length;
    memcpy(pool.bytes, bytes, length);
    if (!machine_open_pool(failure))
        return false;
    bool added = ioctl(pool_fd, RNDADDENTROPY, &pool) == 0;
    int reason = errno;
    /*
     * The pool alone changes nothing for minutes: the generator is reseeded from it on a timer. ENODATA: it has not begun, and then begins with what has
     * just been credited.
     */
    if (added && ioctl(pool_fd, RNDRESEEDCRNG) != 0 && errno != ENODATA)
        reason = errno, added = false;
    explicit_bzero(&pool, sizeof pool);
    return added || fail(failure, "internal", "entropy", reason, "adding entropy");
}

bool machine_loopback_up(struct failure *failure)
{
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) /* a kernel without networking */
        return errno == EAFNOSUPPORT || fail(failure, "internal", "", errno, "opening a socket");
    struct ifreq interface = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
    bool up = ioctl(fd, SIOCSIFFLAGS, &interface) == 0;
    int reason = errno;
    if (close(fd) != 0)
        return fail(failure, "internal", "", errno, "closing a socket");
    return up || fail(failure, "internal", "", reason, "bringing up the loopback interface");
}

bool machine_new_boot_id(char text[BOOT_ID_BYTES], struct failure *failure)
{
    uint8_t id[16];
    if (getrandom(id, sizeof id, 0) != (ssize_t)sizeof id)
        return fail(failure, "internal", "entropy", errno, "reading random bytes");
    /* RFC 9562: version 4, variant 1. */
    id[6] = (uint8_t)((id[6] & 0x0f) | 0x40);
    id[8] = (uint8_t)((id[8] & 0x3f) | 0x80);
    char *end = text;
    for (size_t index = 0; index < sizeof id; index++) {
        bool dash = index == 4 || index == 6 || index == 8 || index == 10;
        end += snprintf(end, 4, "%s%02x", dash ? "-" : "", id[index]);
    }
    return true;
}
