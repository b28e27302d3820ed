/* Unix sockets of other processes: by name in the file system, and abstract, which have no file. Each listener outside tells who came. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "attempt.h"

static socklen_t address_of(struct sockaddr_un *address, const char *path, int is_abstract) {
  const size_t length = strlen(path);

  memset(address, 0, sizeof *address);
  address->sun_family = AF_UNIX;
  if (length + 1 >= sizeof address->sun_path) impossible("the path is too long");
  memcpy(address->sun_path + (is_abstract ? 1 : 0), path, length);
  /* One more: the NUL that begins an abstract name, or ends a path. */
  return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + 1);
}

_Noreturn static void connects(const char *path, int is_abstract) {
  struct sockaddr_un address;
  const socklen_t length = address_of(&address, path, is_abstract);
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

  if (fd == -1) refused(errno);
  if (connect(fd, (const struct sockaddr *)&address, length) == -1) refused(errno);
  if (write(fd, MARK, strlen(MARK)) == -1) refused(errno);
  escaped("connected");
}

_Noreturn static void abstract_stream(void) { connects(parameter("abstract-socket"), 1); }
_Noreturn static void message_bus(void) { connects(parameter("bus-socket"), 0); }
_Noreturn static void container_engine(void) { connects(parameter("engine-socket"), 0); }
_Noreturn static void other_agent(void) { connects(parameter("other-agent-socket"), 0); }
_Noreturn static void other_api(void) { connects(parameter("other-api-socket"), 0); }
_Noreturn static void own_api(void) { connects(parameter("own-api-socket"), 0); }

_Noreturn static void abstract_datagram(void) {
  struct sockaddr_un address;
  const socklen_t length = address_of(&address, parameter("abstract-datagram"), 1);
  const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

  if (fd == -1) refused(errno);
  if (sendto(fd, MARK, strlen(MARK), 0, (const struct sockaddr *)&address, length) == -1) refused(errno);
  escaped("sent");
}

/* A socket of the same name as the one that host processes dial. */
_Noreturn static void replace_api(void) {
  struct sockaddr_un address;
  const char *path = parameter("api-socket-to-replace");
  const socklen_t length = address_of(&address, path, 0);
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

  if (fd == -1) refused(errno);
  if (unlink(path) == -1) refused(errno);
  if (bind(fd, (const struct sockaddr *)&address, length) == -1 || listen(fd, 1) == -1) refused(errno);
  escaped("bound");
}

const struct attempt socket_attempts[] = {
  {"connect-abstract-socket", abstract_stream},
  {"send-abstract-datagram", abstract_datagram},
  {"connect-message-bus", message_bus},
  {"connect-container-engine", container_engine},
  {"connect-other-box-agent", other_agent},
  {"connect-other-box-api", other_api},
  {"connect-own-api", own_api},
  {"replace-api-socket", replace_api},
  {NULL, NULL},
};
