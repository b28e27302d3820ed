/* Sockets of the other families, and what even an inherited socket tells of the network it was made in. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "attempt.h"

#ifndef AF_VSOCK
#define AF_VSOCK 40
#endif
#ifndef AF_ALG
#define AF_ALG 38
#endif

_Noreturn static void opens(int family, int type, int protocol) {
  const int fd = socket(family, type | SOCK_CLOEXEC, protocol);

  if (fd == -1) refused(errno);
  escaped("opened");
}

_Noreturn static void raw(void) { opens(AF_INET, SOCK_RAW, IPPROTO_ICMP); }
_Noreturn static void packet(void) { opens(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL)); }
_Noreturn static void crypto(void) { opens(AF_ALG, SOCK_SEQPACKET, 0); }

/* Virtual machines' own sockets belong to no network namespace on most kernels. */
_Noreturn static void vsock(void) { opens(AF_VSOCK, SOCK_STREAM, 0); }

/* Asks the kernel for the addresses of this network: the host has one that the jail's own does not. */
_Noreturn static void netlink(void) {
  struct {
    struct nlmsghdr header;
    struct rtgenmsg body;
  } request = {.header = {.nlmsg_len = sizeof request, .nlmsg_type = RTM_GETADDR, .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
               .body = {.rtgen_family = AF_INET}};
  static char answer[32768];
  struct in_addr wanted;
  const int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

  if (fd == -1) refused(errno);
  if (inet_pton(AF_INET, "203.0.113.7", &wanted) != 1) impossible("not an address");
  if (send(fd, &request, sizeof request, 0) == -1) refused(errno);
  const ssize_t got = recv(fd, answer, sizeof answer, 0);
  if (got == -1) refused(errno);
  if (memmem(answer, (size_t)got, &wanted, sizeof wanted) != NULL) escaped("the host's addresses");
  refused_because("a network without the host's addresses");
}

/* A unix socket made outside the jail still belongs to the network it was made in, and answers questions about it. */
_Noreturn static void inherited(void) {
  struct ifreq interfaces[32];
  struct ifconf list = {.ifc_len = sizeof interfaces, .ifc_req = interfaces};
  struct in_addr wanted;

  if (inet_pton(AF_INET, "203.0.113.7", &wanted) != 1) impossible("not an address");
  if (ioctl((int)number("listener-fd"), SIOCGIFCONF, &list) == -1) refused(errno);
  if (memmem(interfaces, (size_t)list.ifc_len, &wanted, sizeof wanted) != NULL) escaped("the host's addresses");
  refused_because("a network without the host's addresses");
}

const struct attempt packet_attempts[] = {
  {"raw-socket", raw},
  {"packet-socket", packet},
  {"crypto-socket", crypto},
  {"vsock-socket", vsock},
  {"netlink-addresses", netlink},
  {"inherited-socket-addresses", inherited},
  {NULL, NULL},
};
