/* The host's network: its own services on loopback, the metadata service of a cloud, and the world (an address kept for documentation). */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "attempt.h"

enum { CONNECT_MS = 1000, ACCEPT_MS = 1500 };

static const char METADATA[] = "169.254.169.254";
static const char OUTSIDE[] = "203.0.113.7";

static struct sockaddr_in address_of(const char *host, long port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};

  if (inet_pton(AF_INET, host, &address.sin_addr) != 1) impossible("not an address");
  return address;
}

_Noreturn static void connects(const char *host) {
  const struct sockaddr_in address = address_of(host, number("tcp-port"));
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  struct pollfd wanted = {.fd = fd, .events = POLLOUT};
  int error = 0;
  socklen_t size = sizeof error;

  if (fd == -1) refused(errno);
  if (connect(fd, (const struct sockaddr *)&address, sizeof address) == -1 && errno != EINPROGRESS) refused(errno);
  if (poll(&wanted, 1, CONNECT_MS) != 1) refused(ETIMEDOUT);
  if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == -1 || error != 0) refused(error == 0 ? errno : error);
  if (write(fd, host, strlen(host)) == -1) refused(errno);
  escaped("connected");
}

_Noreturn static void sends(const char *host) {
  const struct sockaddr_in address = address_of(host, number("udp-port"));
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

  if (fd == -1) refused(errno);
  if (sendto(fd, host, strlen(host), 0, (const struct sockaddr *)&address, sizeof address) == -1) refused(errno);
  escaped("sent");
}

_Noreturn static void connect_loopback(void) { connects("127.0.0.1"); }
_Noreturn static void connect_metadata(void) { connects(METADATA); }
_Noreturn static void connect_outside(void) { connects(OUTSIDE); }
_Noreturn static void send_loopback(void) { sends("127.0.0.1"); }
_Noreturn static void send_metadata(void) { sends(METADATA); }
_Noreturn static void send_outside(void) { sends(OUTSIDE); }

_Noreturn static void connect_loopback_6(void) {
  const struct sockaddr_in6 address = {
    .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)number("tcp6-port")), .sin6_addr = IN6ADDR_LOOPBACK_INIT};
  const int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);

  if (fd == -1) refused(errno);
  if (connect(fd, (const struct sockaddr *)&address, sizeof address) == -1) refused(errno);
  if (write(fd, "::1", 3) == -1) refused(errno);
  escaped("connected");
}

/* Data with the opening packet: a connection that never calls connect(). */
_Noreturn static void fast_open(void) {
  const struct sockaddr_in address = address_of("127.0.0.1", number("tcp-port"));
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  static const char word[] = "fast-open";

  if (fd == -1) refused(errno);
  if (sendto(fd, word, strlen(word), MSG_FASTOPEN, (const struct sockaddr *)&address, sizeof address) == -1) refused(errno);
  escaped("sent");
}

/* Multipath TCP and SCTP are other protocols to a rule that names TCP. */
_Noreturn static void multipath(void) {
  const struct sockaddr_in address = address_of("127.0.0.1", number("tcp-port"));
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 262 /* IPPROTO_MPTCP */);
  static const char word[] = "multipath";

  if (fd == -1 && (errno == EPROTONOSUPPORT || errno == ENOPROTOOPT)) impossible("no multipath TCP in this kernel");
  if (fd == -1) refused(errno);
  if (connect(fd, (const struct sockaddr *)&address, sizeof address) == -1) refused(errno);
  if (write(fd, word, strlen(word)) == -1) refused(errno);
  escaped("connected");
}

/* Serves on a port of the host; the harness calls it all the while. */
_Noreturn static void serve(void) {
  const struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)number("port-to-serve"))};
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  struct pollfd wanted = {.fd = fd, .events = POLLIN};
  const int yes = 1;

  if (fd == -1) refused(errno);
  if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) == -1) refused(errno);
  if (bind(fd, (const struct sockaddr *)&address, sizeof address) == -1 || listen(fd, 8) == -1) refused(errno);
  if (poll(&wanted, 1, ACCEPT_MS) != 1) refused_because("nobody of the host came");
  const int guest = accept(fd, NULL, NULL);
  if (guest == -1) refused(errno);
  if (write(guest, "served", 6) == -1) refused(errno);
  /* Until the other side hangs up, so that it has read. */
  struct pollfd end = {.fd = guest, .events = POLLIN};
  (void)poll(&end, 1, ACCEPT_MS);
  escaped("served");
}

const struct attempt network_attempts[] = {
  {"connect-loopback", connect_loopback},
  {"connect-loopback-6", connect_loopback_6},
  {"connect-fast-open", fast_open},
  {"connect-multipath", multipath},
  {"connect-metadata", connect_metadata},
  {"connect-outside", connect_outside},
  {"send-loopback", send_loopback},
  {"send-metadata", send_metadata},
  {"send-outside", send_outside},
  {"serve-port", serve},
  {NULL, NULL},
};
