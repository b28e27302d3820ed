/* Devices that no VMM needs. Opened for reading only: that is the right to the rest. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "attempt.h"

_Noreturn static void opens(const char *path) {
  const int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY);

  /* There, and nothing behind it. */
  if (fd == -1 && (errno == ENXIO || errno == ENODEV)) impossible("no such device");
  if (fd == -1) refused(errno);
  escaped("opened");
}

_Noreturn static void memory(void) { opens("/dev/mem"); }
_Noreturn static void ports(void) { opens("/dev/port"); }
_Noreturn static void log_device(void) { opens("/dev/kmsg"); }
_Noreturn static void disk(void) { opens(parameter("block-device")); }
_Noreturn static void fuse(void) { opens("/dev/fuse"); }
_Noreturn static void loop_control(void) { opens("/dev/loop-control"); }
_Noreturn static void terminals(void) { opens("/dev/ptmx"); }
_Noreturn static void console(void) { opens("/dev/tty0"); }
_Noreturn static void fault_handler(void) { opens("/dev/userfaultfd"); }
_Noreturn static void vsock(void) { opens("/dev/vsock"); }
_Noreturn static void shared_memory(void) {
  const int fd = open("/dev/shm/boxlite-hostile", O_WRONLY | O_CREAT, 0600);

  if (fd == -1) refused(errno);
  (void)unlink("/dev/shm/boxlite-hostile");
  escaped("made");
}

const struct attempt device_attempts[] = {
  {"device-mem", memory},
  {"device-port", ports},
  {"device-kmsg", log_device},
  {"device-disk", disk},
  {"device-fuse", fuse},
  {"device-loop-control", loop_control},
  {"device-ptmx", terminals},
  {"device-console", console},
  {"device-userfaultfd", fault_handler},
  {"device-vsock", vsock},
  {"device-shm", shared_memory},
  {NULL, NULL},
};
