/*
 * Tries one thing after the other and prints the name of each with "ok" or the error: what a sandbox refuses.
 *   rights-probe OPERATION ARGUMENT... , OPERATION ARGUMENT... , ...
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static int opened(int fd) { return fd == -1 ? -1 : close(fd); }

static int execute(char *path) {
  const pid_t child = fork();
  if (child == 0) {
    execl(path, path, "true", (char *)NULL);
    _exit(errno);
  }
  int status = 0;
  if (child == -1 || waitpid(child, &status, 0) == -1) return -1;
  errno = WEXITSTATUS(status);
  return errno == 0 ? 0 : -1;
}

static int device_request(const char *path) {
  const int fd = open(path, O_RDONLY);
  if (fd == -1) return -1;
  char state[256];
  /* TCGETS: a device that is no terminal says ENOTTY, if it is asked at all. */
  const int result = ioctl(fd, 0x5401, state);
  const int error = errno;
  close(fd);
  errno = error;
  return result;
}

static int inet(int type, int port, int binds) {
  const int fd = socket(AF_INET, type, 0);
  if (fd == -1) return -1;
  const struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  return binds ? bind(fd, (const struct sockaddr *)&address, sizeof address) : connect(fd, (const struct sockaddr *)&address, sizeof address);
}

static int unix_socket(const char *name, int abstract) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  strncpy(address.sun_path + abstract, name, sizeof address.sun_path - 2);
  const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  if (fd == -1) return -1;
  /* Node.js binds abstract names padded to the full length. */
  return connect(fd, (const struct sockaddr *)&address, sizeof address);
}

static int try(char **a) {
  const char *what = a[0];
  if (strcmp(what, "read") == 0) return opened(open(a[1], O_RDONLY));
  if (strcmp(what, "list") == 0) return opened(open(a[1], O_RDONLY | O_DIRECTORY));
  if (strcmp(what, "write") == 0) return opened(open(a[1], O_WRONLY | O_APPEND));
  if (strcmp(what, "create") == 0) return opened(open(a[1], O_WRONLY | O_CREAT | O_EXCL, 0600));
  if (strcmp(what, "truncate") == 0) return truncate(a[1], 1);
  if (strcmp(what, "mkdir") == 0) return mkdir(a[1], 0700);
  if (strcmp(what, "symlink") == 0) return symlink("target", a[1]);
  if (strcmp(what, "fifo") == 0) return mkfifo(a[1], 0600);
  if (strcmp(what, "device") == 0) return mknod(a[1], S_IFCHR | 0600, 0x109);
  if (strcmp(what, "unlink") == 0) return unlink(a[1]);
  if (strcmp(what, "rename") == 0) return rename(a[1], a[2]);
  if (strcmp(what, "link") == 0) return link(a[1], a[2]);
  if (strcmp(what, "ioctl") == 0) return device_request(a[1]);
  if (strcmp(what, "exec") == 0) return execute(a[1]);
  if (strcmp(what, "connect") == 0) return inet(SOCK_STREAM, atoi(a[1]), 0);
  if (strcmp(what, "bind") == 0) return inet(SOCK_STREAM, atoi(a[1]), 1);
  if (strcmp(what, "udp") == 0) return inet(SOCK_DGRAM, atoi(a[1]), 0);
  if (strcmp(what, "raw") == 0) return socket(AF_INET, SOCK_RAW, 1);
  if (strcmp(what, "netlink") == 0) return socket(AF_NETLINK, SOCK_RAW, 0);
  if (strcmp(what, "vsock") == 0) return socket(AF_VSOCK, SOCK_STREAM, 0);
  if (strcmp(what, "io_uring") == 0) return (int)syscall(SYS_io_uring_setup, 1, NULL);
  if (strcmp(what, "abstract") == 0) return unix_socket(a[1], 1);
  if (strcmp(what, "unix") == 0) return unix_socket(a[1], 0);
  if (strcmp(what, "signal") == 0) return kill(atoi(a[1]), 0);
  if (strcmp(what, "ptrace") == 0) return (int)ptrace(PTRACE_SEIZE, atoi(a[1]), NULL, NULL);
  if (strcmp(what, "mount") == 0) return mount("none", a[1], "tmpfs", 0, NULL);
  if (strcmp(what, "chroot") == 0) return chroot(a[1]);
  errno = EINVAL;
  return -1;
}

static const char *error_name(int error) {
  switch (error) {
  case EACCES: return "EACCES";
  case EPERM: return "EPERM";
  case EXDEV: return "EXDEV";
  case ENOENT: return "ENOENT";
  case ENOSYS: return "ENOSYS";
  case ENOTTY: return "ENOTTY";
  case ECONNREFUSED: return "ECONNREFUSED";
  case EFAULT: return "EFAULT";
  default: return strerror(error);
  }
}

int main(int argc, char **argv) {
  for (int i = 1; i < argc;) {
    char *words[3] = {NULL, NULL, NULL};
    int count = 0;
    for (; i < argc && strcmp(argv[i], ",") != 0; i++) {
      if (count < 3) words[count++] = argv[i];
    }
    i++;
    if (words[0] == NULL) return 2;
    printf("%s %s\n", words[0], try(words) == -1 ? error_name(errno) : "ok");
  }
  return 0;
}
