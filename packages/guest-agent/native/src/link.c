#include "link.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/vm_sockets.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "boot.h"
#include "clock.h"

/* The agent's vsock port on the host (CID 2): the one libkrun's krun_add_vsock_port2 maps to the box's socket. */
#define AGENT_VSOCK_PORT 2695u
#define PORT_NAME "agent"
/* How long a device that is not there yet may take. The kernel probes virtio while init starts, so it is there at once or never. */
#define DEVICE_WAIT_US 10000000u

static int open_vsock(void)
{
    if (access("/dev/vsock", F_OK) != 0)
        return -1;
    int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    struct sockaddr_vm host = { .svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_HOST, .svm_port = AGENT_VSOCK_PORT };
    if (connect(fd, (struct sockaddr *)&host, sizeof host) == 0 && fcntl(fd, F_SETFL, O_NONBLOCK) == 0)
        return fd;
    close(fd);
    return -1;
}

/* True when the port of this directory entry is called "agent". */
static int is_agent_port(const char *entry)
{
    char path[320];
    char name[32] = "";
    (void)snprintf(path, sizeof path, "/sys/class/virtio-ports/%s/name", entry);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    ssize_t length = read(fd, name, sizeof name - 1);
    close(fd);
    if (length <= 0)
        return 0;
    name[strcspn(name, "\n")] = '\0';
    return strcmp(name, PORT_NAME) == 0;
}

static int open_serial(void)
{
    DIR *directory = opendir("/sys/class/virtio-ports");
    if (directory == NULL)
        return -1;
    int fd = -1;
    for (struct dirent *entry; fd < 0 && (entry = readdir(directory)) != NULL;) {
        if (entry->d_name[0] == '.' || !is_agent_port(entry->d_name))
            continue;
        char path[320];
        (void)snprintf(path, sizeof path, "/dev/%s", entry->d_name);
        fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    }
    closedir(directory);
    return fd;
}

static int open_any(void)
{
    int fd = open_vsock();
    return fd >= 0 ? fd : open_serial();
}

/* Kernel device events: a port is announced, and gets its name, by one of these. */
static int open_uevents(void)
{
    int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_KOBJECT_UEVENT);
    struct sockaddr_nl kernel = { .nl_family = AF_NETLINK, .nl_groups = 1 };
    if (fd >= 0 && bind(fd, (struct sockaddr *)&kernel, sizeof kernel) == 0)
        return fd;
    boot_fatal("device events", errno);
}

int link_open(void)
{
    int fd = open_any();
    if (fd >= 0)
        return fd;
    /* Listening begins before the second look, so that no event falls in between. */
    int events = open_uevents();
    uint64_t deadline = monotonic_us() + DEVICE_WAIT_US;
    for (;;) {
        fd = open_any();
        uint64_t now = monotonic_us();
        if (fd >= 0 || now >= deadline)
            break;
        struct pollfd wait = { .fd = events, .events = POLLIN };
        char event[4096];
        if (poll(&wait, 1, (int)((deadline - now) / 1000u) + 1) > 0 && recv(events, event, sizeof event, 0) < 0 && errno != ENOBUFS)
            boot_fatal("device events", errno);
    }
    close(events);
    if (fd < 0)
        boot_fatal("no agent link: neither vsock port 2695 nor a virtio-serial port named agent", 0);
    return fd;
}
