#include "machine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/random.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static bool set_clock(uint64_t nanoseconds, struct failure *failure)
{
    if (nanoseconds == 0)
        return true;
    struct timespec now = { .tv_sec = (time_t)(nanoseconds / 1000000000u), .tv_nsec = (long)(nanoseconds % 1000000000u) };
    return clock_settime(CLOCK_REALTIME, &now) == 0 || fail(failure, "invalid_argument", "wall_clock_ns", errno, "setting the clock");
}

static bool add_entropy(const struct init_request *request, struct failure *failure)
{
    struct {
        struct rand_pool_info info;
        uint8_t bytes[sizeof request->entropy];
    } pool;
    if (request->entropy_length == 0)
        return true;
    pool.info.entropy_count = (int)request->entropy_length * 8;
    pool.info.buf_size = (int)request->entropy_length;
    memcpy(pool.bytes, request->entropy, request->entropy_length);
    int fd = open("/dev/random", O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return fail(failure, "internal", "entropy", errno, "opening the random pool");
    bool added = ioctl(fd, RNDADDENTROPY, &pool) == 0;
    int reason = errno;
    /* A machine that was copied before init shares its random state with its copies: the next read must come from the new pool. */
    if (added && ioctl(fd, RNDRESEEDCRNG) != 0 && errno != ENODATA)
        reason = errno, added = false;
    if (close(fd) != 0)
        return fail(failure, "internal", "entropy", errno, "closing the random pool");
    return added || fail(failure, "internal", "entropy", reason, "adding entropy");
}

static bool loopback_up(struct failure *failure)
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

bool machine_set_up(const struct init_request *request, struct failure *failure)
{
    return set_clock(request->wall_clock_ns, failure) && add_entropy(request, failure) && loopback_up(failure);
}
