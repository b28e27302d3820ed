#include "link.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
/* After the C library's: older kernel headers take sockaddr from there. */
#include <linux/vm_sockets.h>
#include <sys/time.h>
#include <unistd.h>

#include "boot.h"
#include "clock.h"
#include "device-events.h"

/* The agent's vsock port on the host (CID 2): the one libkrun's krun_add_vsock_port2 maps to the box's socket. */
#define AGENT_VSOCK_PORT 2695u
#define PORT_NAME "agent"
/* How long a device that is not there yet may take. The kernel probes virtio while init starts, so it is there at once or never. */
#define DEVICE_WAIT_US 10000000u

/* How long the VMM may take to answer: on a loaded host more than the kernel's 2 s. Somebody listens since before the machine was started. */
#define CONNECT_SECONDS 30

/* Path of the port that was found. */
static char port[320];

/* -1: this machine has no vsock device. The kernel says so at once: without a transport there is nobody to connect by. */
static int open_vsock(void)
{
    int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    struct timeval limit = { .tv_sec = CONNECT_SECONDS };
    struct sockaddr_vm host = { .svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_HOST, .svm_port = AGENT_VSOCK_PORT };
    if (setsockopt(fd, AF_VSOCK, SO_VM_SOCKETS_CONNECT_TIMEOUT, &limit, sizeof limit) != 0)
        console_log("boxlite-guest: the time limit of the link stays the kernel's: %s", strerror(errno));
    if (connect(fd, (struct sockaddr *)&host, sizeof host) == 0 && fcntl(fd, F_SETFL, O_NONBLOCK) == 0)
        return fd;
    if (errno != ENODEV)
        boot_fatal("the host does not answer on vsock port 2695", errno);
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

static int open_port(void)
{
    return open(port, O_RDWR | O_NONBLOCK | O_CLOEXEC);
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
        (void)snprintf(port, sizeof port, "/dev/%s", entry->d_name);
        fd = open_port();
    }
    closedir(directory);
    return fd;
}

/* A named port is looked for first: it costs a directory. Neither look waits. */
static int open_any(bool *once)
{
    int fd = open_serial();
    *once = fd < 0;
    return fd >= 0 ? fd : open_vsock();
}

int link_open(bool *once)
{
    int fd = open_any(once);
    if (fd >= 0)
        return fd;
    /* Listening begins before the second look, so that no event falls in between. */
    int events = device_events_open();
    if (events < 0)
        boot_fatal("device events", errno);
    uint64_t deadline = monotonic_us() + DEVICE_WAIT_US;
    for (;;) {
        fd = open_any(once);
        if (fd >= 0 || !device_events_wait(events, deadline))
            break;
    }
    close(events);
    if (fd < 0)
        boot_fatal("no agent link: neither vsock port 2695 nor a virtio-serial port named agent", 0);
    return fd;
}

int link_reopen(int fd)
{
    if (close(fd) != 0)
        boot_fatal("closing the agent link", errno);
    fd = open_port();
    if (fd < 0)
        boot_fatal(port, errno);
    return fd;
}
