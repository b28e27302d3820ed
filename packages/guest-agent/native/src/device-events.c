#include "device-events.h"

#include <errno.h>
#include <linux/netlink.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"

int device_events_open(void)
{
    int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_KOBJECT_UEVENT);
    struct sockaddr_nl kernel = { .nl_family = AF_NETLINK, .nl_groups = 1 };
    if (fd < 0 || bind(fd, (struct sockaddr *)&kernel, sizeof kernel) == 0)
        return fd;
    int reason = errno;
    close(fd);
    errno = reason;
    return -1;
}

bool device_events_wait(int events, uint64_t deadline)
{
    uint64_t now = monotonic_us();
    if (now >= deadline)
        return false;
    struct pollfd wait = { .fd = events, .events = POLLIN };
    char event[4096];
    int ready = poll(&wait, 1, (int)((deadline - now) / 1000u) + 1);
    if (ready < 0)
        return errno == EINTR;
    /* ENOBUFS: some were lost, so something has happened. */
    return ready == 0 || recv(events, event, sizeof event, 0) >= 0 || errno == ENOBUFS;
}
