#include "probe.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/vm_sockets.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#ifndef VMADDR_CID_LOCAL
#define VMADDR_CID_LOCAL 1
#endif

/* Nothing here waits for longer. */
static void limit_waiting(int fd)
{
    struct timeval limit = { .tv_sec = 10 };
    must(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit), "SO_RCVTIMEO");
}

/* A connection from a socket to another of this machine, and a few bytes over it. */
static void check_stream(const char *name, const struct sockaddr *address, socklen_t length, struct sockaddr *bound)
{
    char text[8] = "";
    int listener = must(socket(address->sa_family, SOCK_STREAM, 0), name);
    must(bind(listener, address, length), name);
    must(listen(listener, 1), name);
    must(getsockname(listener, bound, &length), name);
    int client = must(socket(address->sa_family, SOCK_STREAM, 0), name);
    if (address->sa_family == AF_VSOCK)
        ((struct sockaddr_vm *)bound)->svm_cid = VMADDR_CID_LOCAL;
    must(connect(client, bound, length), name);
    int server = must(accept(listener, NULL, NULL), name);
    limit_waiting(server);
    check(write(client, "hello", 5) == 5 && read(server, text, sizeof text) == 5 && strcmp(text, "hello") == 0, name);
    must(close(server) | close(client) | close(listener), name);
}

/* tcp: over IPv4 and over IPv6. */
void probe_tcp(char **arguments)
{
    (void)arguments;
    struct sockaddr_in four = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    check_stream("TCP over IPv4", (struct sockaddr *)&four, sizeof four, (struct sockaddr *)&four);
    struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
    check_stream("TCP over IPv6", (struct sockaddr *)&six, sizeof six, (struct sockaddr *)&six);
}

/* vsock: the device tells its context id; a connection of the machine to itself. */
void probe_vsock(char **arguments)
{
    (void)arguments;
    unsigned context;
    int device = must(open("/dev/vsock", O_RDONLY), "/dev/vsock");
    must(ioctl(device, IOCTL_VM_SOCKETS_GET_LOCAL_CID, &context), "the context id");
    must(close(device), "close");
    struct sockaddr_vm address = { .svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_ANY, .svm_port = VMADDR_PORT_ANY };
    check_stream("vsock", (struct sockaddr *)&address, sizeof address, (struct sockaddr *)&address);
}

static void set_address(int control, struct ifreq *request, unsigned long call, const char *text)
{
    struct sockaddr_in address = { .sin_family = AF_INET };
    check(inet_pton(AF_INET, text, &address.sin_addr) == 1, text);
    memcpy(&request->ifr_addr, &address, sizeof address);
    must(ioctl(control, (int)call, request), text);
}

static void send_to(const char *address, int port, const char *text)
{
    struct sockaddr_in target = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
    int fd = must(socket(AF_INET, SOCK_DGRAM, 0), "UDP");
    check(inet_pton(AF_INET, address, &target.sin_addr) == 1, address);
    must(sendto(fd, text, strlen(text), 0, (struct sockaddr *)&target, sizeof target), "sendto");
    must(close(fd), "close");
}

/* tun: a packet of this machine arrives at the program behind a tun device; a tap device can be made as well. */
void probe_tun(char **arguments)
{
    (void)arguments;
    unsigned char packet[2048];
    struct ifreq request = { .ifr_flags = IFF_TUN | IFF_NO_PI };
    int tun = must(open("/dev/net/tun", O_RDWR), "/dev/net/tun");
    must(ioctl(tun, TUNSETIFF, &request), "making a tun device");
    int control = must(socket(AF_INET, SOCK_DGRAM, 0), "UDP");
    set_address(control, &request, SIOCSIFADDR, "10.77.0.1");
    set_address(control, &request, SIOCSIFNETMASK, "255.255.255.0");
    request.ifr_flags = IFF_UP | IFF_RUNNING;
    must(ioctl(control, SIOCSIFFLAGS, &request), "bringing the tun device up");
    send_to("10.77.0.2", 7, "through the tunnel");
    ssize_t got;
    do /* the kernel speaks IPv6 on a new device too */
        got = must(read(tun, packet, sizeof packet), "reading a packet");
    while (packet[0] >> 4 != 4 || packet[9] != IPPROTO_UDP);
    check(got == 20 + 8 + 18 && memcmp(packet + 28, "through the tunnel", 18) == 0, "the packet is the one sent");
    struct ifreq tap = { .ifr_flags = IFF_TAP | IFF_NO_PI };
    int second = must(open("/dev/net/tun", O_RDWR), "/dev/net/tun");
    must(ioctl(second, TUNSETIFF, &tap), "making a tap device");
    must(close(tun) | close(second) | close(control), "close");
}

/* udp-serve PORT READY: makes the file READY, answers one packet with the address it came from, prints it and ends. */
void probe_udp_serve(char **arguments)
{
    char text[64];
    char from[INET6_ADDRSTRLEN];
    struct sockaddr_in6 peer;
    socklen_t length = sizeof peer;
    struct sockaddr_in6 address = { .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)atoi(arguments[0])) };
    int fd = must(socket(AF_INET6, SOCK_DGRAM, 0), "UDP");
    limit_waiting(fd);
    must(bind(fd, (struct sockaddr *)&address, sizeof address), "bind");
    must(close(must(open(arguments[1], O_CREAT | O_WRONLY, 0644), arguments[1])), arguments[1]);
    must(recvfrom(fd, text, sizeof text, 0, (struct sockaddr *)&peer, &length), "no packet came");
    check(inet_ntop(AF_INET6, &peer.sin6_addr, from, sizeof from) != NULL, "an address");
    must(sendto(fd, from, strlen(from), 0, (struct sockaddr *)&peer, length), "sendto");
    (void)printf("%s\n", from);
}

/* udp-ask ADDRESS PORT ATTEMPTS: sends a packet, as often as that, and prints the answer. */
void probe_udp_ask(char **arguments)
{
    char text[64];
    bool four = strchr(arguments[0], ':') == NULL;
    struct sockaddr_in target4 = { .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(arguments[1])) };
    struct sockaddr_in6 target6 = { .sin6_family = AF_INET6, .sin6_port = target4.sin_port };
    void *bytes = four ? (void *)&target4.sin_addr : (void *)&target6.sin6_addr;
    check(inet_pton(four ? AF_INET : AF_INET6, arguments[0], bytes) == 1, arguments[0]);
    struct sockaddr *target = four ? (struct sockaddr *)&target4 : (struct sockaddr *)&target6;
    int fd = must(socket(target->sa_family, SOCK_DGRAM, 0), "UDP");
    struct timeval limit = { .tv_usec = 300000 };
    must(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit), "SO_RCVTIMEO");
    ssize_t got = -1;
    /* The first may go before an IPv6 address has been found to be nobody else's. */
    for (int attempt = 0; attempt < atoi(arguments[2]) && got < 0; attempt++) {
        ssize_t sent = sendto(fd, "hello", 5, 0, target, four ? sizeof target4 : sizeof target6);
        got = recv(fd, text, sizeof text - 1, 0);
        if (sent < 0 && got < 0)
            (void)usleep(100000);
    }
    must(got, "no answer came");
    text[got] = '\0';
    (void)printf("%s\n", text);
}
