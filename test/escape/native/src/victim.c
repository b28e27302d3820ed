/*
 * Another process of the same user, which tells what is done to it. It has secrets where programs have theirs: in memory, in a file without a
 * name, in its working directory and in its environment. Made and asked over standard input, a line each:
 *
 *   secret TEXT      puts it in memory and in the file without a name; answers with pid, addresses, descriptor and the name of a terminal
 *   key NAME TEXT    puts a key into the keyring of the user
 *   handle PATH      the handle of a file, as open_by_handle_at takes it
 *   listen NAME      abstract sockets: a stream NAME-stream and a datagram one NAME-datagram
 *   ?                how many of SIGUSR1 and SIGUSR2 came, who came to each of the sockets, and what its buffer holds
 */
#include <fcntl.h>
#include <linux/keyctl.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

static volatile sig_atomic_t first, second;
static int streams = -1, datagrams = -1;
static int visitors, messages;
static char secret[64];
static char buffer[64] = "untouched";

static void count(int signal_number) {
  if (signal_number == SIGUSR1) first++;
  else second++;
}

static void take_secret(const char *text) {
  const int file = memfd_create("secret", 0);
  const int terminal = posix_openpt(O_RDWR | O_NOCTTY);
  const char *name = NULL;

  if (strlen(text) >= sizeof secret) exit(5);
  strcpy(secret, text);
  if (file == -1 || write(file, text, strlen(text)) == -1) exit(3);
  if (terminal != -1 && grantpt(terminal) == 0 && unlockpt(terminal) == 0) name = ptsname(terminal);
  printf("%d %lx %lx %d %s\n", getpid(), (unsigned long)(uintptr_t)secret, (unsigned long)(uintptr_t)buffer, file,
         name == NULL ? "-" : name);
}

static void put_key(char *words) {
  char *space = strchr(words, ' ');

  if (space == NULL) exit(4);
  *space = '\0';
  printf("%ld\n", syscall(SYS_add_key, "user", words, space + 1, strlen(space + 1), KEY_SPEC_USER_KEYRING));
}

static int abstract_socket(int type, const char *name, const char *kind) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  const int fd = socket(AF_UNIX, type | SOCK_NONBLOCK, 0);
  const int length = snprintf(address.sun_path + 1, sizeof address.sun_path - 1, "%.60s-%s", name, kind);

  if (fd == -1 || length < 0) exit(6);
  const socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)length);
  if (bind(fd, (struct sockaddr *)&address, size) == -1) exit(7);
  if (type == SOCK_STREAM && listen(fd, 8) == -1) exit(8);
  return fd;
}

static void take_visitors(void) {
  char text[64];

  while (streams != -1 && accept(streams, NULL, NULL) != -1) visitors++;
  while (datagrams != -1 && recv(datagrams, text, sizeof text, 0) > 0) messages++;
}

static void tell_handle(const char *path) {
  struct {
    uint32_t bytes;
    int32_t type;
    unsigned char data[128];
  } handle = {.bytes = sizeof handle.data};
  int mount;

  if (syscall(SYS_name_to_handle_at, AT_FDCWD, path, &handle, &mount, 0) == -1) {
    puts("- 0");
    return;
  }
  for (uint32_t at = 0; at < handle.bytes; at++) printf("%02x", handle.data[at]);
  printf(" %d\n", handle.type);
}

int main(int argc, char **argv) {
  struct sigaction action = {.sa_handler = count, .sa_flags = SA_RESTART};
  char line[1024];

  /* Only the version of the kernel's Landlock, 0 where it has none (LANDLOCK_CREATE_RULESET_VERSION). */
  if (argc == 2 && strcmp(argv[1], "--landlock") == 0) {
    const long version = syscall(444 /* landlock_create_ruleset, on every architecture */, NULL, 0, 1);

    printf("%ld\n", version < 0 ? 0 : version);
    return 0;
  }
  if (sigaction(SIGUSR1, &action, NULL) == -1 || sigaction(SIGUSR2, &action, NULL) == -1) return 2;
  while (fgets(line, sizeof line, stdin) != NULL) {
    line[strcspn(line, "\n")] = '\0';
    if (strncmp(line, "secret ", 7) == 0) take_secret(line + 7);
    else if (strncmp(line, "key ", 4) == 0) put_key(line + 4);
    else if (strncmp(line, "handle ", 7) == 0) tell_handle(line + 7);
    else if (strncmp(line, "listen ", 7) == 0) {
      streams = abstract_socket(SOCK_STREAM, line + 7, "stream");
      datagrams = abstract_socket(SOCK_DGRAM, line + 7, "datagram");
      puts("listening");
    } else {
      take_visitors();
      printf("%d %d %d %d %s\n", first, second, visitors, messages, buffer);
    }
    fflush(stdout);
  }
  return 0;
}
