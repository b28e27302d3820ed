/*
 * Parts of the kernel that a broken-in VMM would use to break the kernel itself. The call that is made is one that does nothing where it is
 * permitted: the error tells a permitted call with senseless arguments from a refused one.
 */
#include <errno.h>
#include <linux/bpf.h>
#include <linux/io_uring.h>
#include <linux/keyctl.h>
#include <linux/perf_event.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#include "attempt.h"

/* A call is permitted when it works or fails with `senseless`, the error its nonsense earns after the check. */
_Noreturn static void judge(long result, int senseless, const char *detail) {
  if (result >= 0 || errno == senseless) escaped(detail);
  if (errno == ENOSYS) refused(errno);
  refused(errno);
}

_Noreturn static void bpf_map(void) {
  union bpf_attr attr;

  memset(&attr, 0, sizeof attr);
  attr.map_type = BPF_MAP_TYPE_ARRAY;
  attr.key_size = 4;
  attr.value_size = 4;
  attr.max_entries = 1;
  judge(syscall(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof attr), 0, "made a map");
}

_Noreturn static void perf(void) {
  struct perf_event_attr attr;

  memset(&attr, 0, sizeof attr);
  attr.type = PERF_TYPE_SOFTWARE;
  attr.size = sizeof attr;
  attr.config = PERF_COUNT_SW_CPU_CLOCK;
  attr.exclude_kernel = 1;
  judge(syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0), 0, "made an event");
}

_Noreturn static void fault_handler(void) { judge(syscall(SYS_userfaultfd, 1 /* UFFD_USER_MODE_ONLY */), 0, "made a handler"); }

_Noreturn static void ring(void) {
  struct io_uring_params settings;

  memset(&settings, 0, sizeof settings);
  judge(syscall(SYS_io_uring_setup, 1, &settings), 0, "made a ring");
}

/* The keyring of the user, with the secret that the harness put there. */
_Noreturn static void keyring(void) {
  char text[64];
  long key;

  if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) == -1) refused(errno);
  if (syscall(SYS_keyctl, KEYCTL_LINK, KEY_SPEC_USER_KEYRING, KEY_SPEC_SESSION_KEYRING) == -1) refused(errno);
  key = syscall(SYS_keyctl, KEYCTL_SEARCH, KEY_SPEC_SESSION_KEYRING, "user", parameter("key-name"), 0);
  if (key == -1) refused(errno);
  const long got = syscall(SYS_keyctl, KEYCTL_READ, key, text, sizeof text);
  if (got == -1) refused(errno);
  escaped_with(text, (size_t)got < sizeof text ? (size_t)got : sizeof text);
}

_Noreturn static void add_key(void) {
  judge(syscall(SYS_add_key, "user", "hostile", "x", 1, KEY_SPEC_PROCESS_KEYRING), 0, "added a key");
}

_Noreturn static void persona(void) { judge(syscall(SYS_personality, 0x0040000 /* ADDR_NO_RANDOMIZE */), 0, "changed"); }

_Noreturn static void watch_files(void) {
  judge(syscall(SYS_fanotify_init, FAN_CLASS_NOTIF | 0x200 /* FAN_REPORT_FID */, 0), 0, "watches");
}

/* Opens a file by its number on the disk, past every path: from any descriptor of the same file system. */
_Noreturn static void by_handle(void) {
  struct {
    uint32_t bytes;
    int32_t type;
    unsigned char data[128];
  } handle;
  const char *hex = parameter("handle");
  char text[128];
  unsigned value;

  memset(&handle, 0, sizeof handle);
  handle.type = (int32_t)number("handle-type");
  for (; hex[0] != '\0' && hex[1] != '\0' && handle.bytes < sizeof handle.data; hex += 2) {
    if (sscanf(hex, "%2x", &value) != 1) impossible("not a handle");
    handle.data[handle.bytes++] = (unsigned char)value;
  }
  const int mount = (int)syscall(SYS_open, parameter("writable-dir"), 0200000 /* O_DIRECTORY */, 0);
  if (mount == -1) refused(errno);
  const int fd = (int)syscall(SYS_open_by_handle_at, mount, &handle, 0);
  if (fd == -1) refused(errno);
  const ssize_t got = read(fd, text, sizeof text);
  if (got <= 0) refused(got == -1 ? errno : ENODATA);
  escaped_with(text, (size_t)got);
}

const struct attempt kernel_attempts[] = {
  {"bpf", bpf_map},
  {"perf", perf},
  {"userfaultfd", fault_handler},
  {"io-uring", ring},
  {"read-user-keyring", keyring},
  {"add-key", add_key},
  {"personality", persona},
  {"fanotify", watch_files},
  {"open-by-handle", by_handle},
  {NULL, NULL},
};
