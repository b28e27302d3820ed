#include "capabilities.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "step.h"

/* linux/capability.h and linux/securebits.h. */
enum { CAPABILITY_VERSION_3 = 0x20080522, HIGHEST_CAPABILITY = 63 };
#define NO_ROOT 0x1UL
#define NO_SETUID_FIXUP_LOCKED 0x8UL
#define KEEP_CAPS_LOCKED 0x20UL
#define NO_AMBIENT_RAISE 0x40UL
/* Root's number means nothing any more, no capability becomes ambient, and none of it can be changed. */
#define SECURE_BITS (NO_ROOT | NO_ROOT << 1 | NO_SETUID_FIXUP_LOCKED | KEEP_CAPS_LOCKED | NO_AMBIENT_RAISE | NO_AMBIENT_RAISE << 1)

struct capability_header {
  uint32_t version;
  int pid;
};

struct capability_data {
  uint32_t effective, permitted, inheritable;
};

void limit_capabilities(void) {
  for (unsigned long capability = 0; capability <= HIGHEST_CAPABILITY; capability++) {
    const int held = prctl(PR_CAPBSET_READ, capability, 0, 0, 0);
    if (held == -1 && errno == EINVAL) break; /* the kernel knows no more */
    if (held == -1) fail(STEP_CAPABILITIES, "bounding set", errno);
    if (held == 0) continue;
    if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) == -1) {
      if (errno == EPERM) break; /* clear_capabilities judges it */
      fail(STEP_CAPABILITIES, "bounding set", errno);
    }
  }
  /* PR_CAP_AMBIENT_RAISE is since Linux 4.3, as old as the ambient set itself. */
  if (prctl(PR_SET_SECUREBITS, SECURE_BITS, 0, 0, 0) == -1 && errno != EPERM) fail(STEP_CAPABILITIES, "secure bits", errno);
}

static bool bounding_set_is_empty(void) {
  for (unsigned long capability = 0; capability <= HIGHEST_CAPABILITY; capability++) {
    const int held = prctl(PR_CAPBSET_READ, capability, 0, 0, 0);
    if (held == -1 && errno == EINVAL) break;
    if (held != 0) return false;
  }
  return true;
}

static bool ambient_set_is_empty(void) {
  for (unsigned long capability = 0; capability <= HIGHEST_CAPABILITY; capability++) {
    const int held = prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, capability, 0, 0);
    if (held == -1 && errno == EINVAL) break;
    if (held != 0) return false;
  }
  return true;
}

void clear_capabilities(void) {
  struct capability_header header = {.version = CAPABILITY_VERSION_3};
  struct capability_data none[2] = {{0}, {0}}, left[2];
  if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) == -1) fail(STEP_CAPABILITIES, "ambient set", errno);
  if (syscall(SYS_capset, &header, none) == -1) fail(STEP_CAPABILITIES, "capset", errno);
  header.version = CAPABILITY_VERSION_3;
  if (syscall(SYS_capget, &header, left) == -1) fail(STEP_CAPABILITIES, "capget", errno);
  for (int i = 0; i < 2; i++) {
    if (left[i].effective != 0 || left[i].permitted != 0 || left[i].inheritable != 0)
      fail(STEP_CAPABILITIES, "some could not be given up", 0);
  }
  if (!ambient_set_is_empty()) fail(STEP_CAPABILITIES, "the ambient set is not empty", 0);
  if (geteuid() == 0 && !bounding_set_is_empty()) fail(STEP_CAPABILITIES, "the bounding set is not empty", 0);
}
