/*
 * The machine itself: modules, another kernel, power, clock, name, ports. Only root can do these with all layers off. Nothing here changes
 * anything where it is permitted: senseless arguments, or the value that is set already.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/klog.h>
#include <sys/syscall.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

#include "attempt.h"

/* Permitted: it works, or fails with one of the errors that come only after the check of rights. */
_Noreturn static void judge(long result, int senseless, int also, const char *detail) {
  if (result >= 0 || errno == senseless || (also != 0 && errno == also)) escaped(detail);
  refused(errno);
}

/* An image of no bytes at all: ENOEXEC once the right was granted. */
_Noreturn static void load_module(void) { judge(syscall(SYS_init_module, "nonsense", 8, ""), ENOEXEC, EINVAL, "would load"); }

_Noreturn static void load_module_file(void) { judge(syscall(SYS_finit_module, 0, "", 0), ENOEXEC, EINVAL, "would load"); }

_Noreturn static void remove_module(void) {
  judge(syscall(SYS_delete_module, "boxlite_no_such_module", 04000 /* O_NONBLOCK */), ENOENT, 0, "would remove");
}

/* More segments than there may be: EINVAL after the check of rights (kernel/kexec.c, kexec_load_check). */
_Noreturn static void another_kernel(void) { judge(syscall(SYS_kexec_load, 0, 10000, NULL, 0), EINVAL, 0, "would load"); }

/* Wrong magic numbers: EINVAL after the check of rights (kernel/reboot.c), and nothing happens. */
_Noreturn static void power(void) { judge(syscall(SYS_reboot, 1, 2, 3, NULL), EINVAL, 0, "would restart"); }

_Noreturn static void swap(void) { judge(syscall(SYS_swapon, "/boxlite-no-such-file", 0), ENOENT, 0, "would swap"); }

/* Off is what it is where nobody turned it on. */
_Noreturn static void accounting(void) { judge(syscall(SYS_acct, NULL), 0, 0, "turned off"); }

/* The tick that is set already. */
_Noreturn static void clock_rate(void) {
  struct timex settings = {.modes = 0};

  if (adjtimex(&settings) == -1) refused(errno);
  settings.modes = ADJ_TICK;
  judge(adjtimex(&settings), 0, 0, "set");
}

/* The name it has already. */
_Noreturn static void host_name(void) {
  char name[256];

  if (gethostname(name, sizeof name) == -1) refused(errno);
  judge(sethostname(name, strlen(name)), 0, 0, "set");
}

/* Reads the kernel's log: addresses, names, and what other users' programs did. */
_Noreturn static void kernel_log(void) {
  char text[128];

  judge(klogctl(3 /* SYSLOG_ACTION_READ_ALL */, text, sizeof text), 0, 0, "read");
}

_Noreturn static void ports(void) {
#ifdef SYS_iopl
  judge(syscall(SYS_iopl, 3), 0, 0, "all ports");
#else
  impossible("this architecture has no ports");
#endif
}

_Noreturn static void one_port(void) {
#ifdef SYS_ioperm
  judge(syscall(SYS_ioperm, 0x80, 1, 1), 0, 0, "port 80h");
#else
  impossible("this architecture has no ports");
#endif
}

_Noreturn static void disk_quota(void) {
  judge(syscall(SYS_quotactl, 0x800002 << 8 /* Q_QUOTAON of users */, "/boxlite-no-such-device", 0, NULL), ENOENT, EFAULT,
        "would turn on");
}

const struct attempt machine_attempts[] = {
  {"load-module", load_module},
  {"load-module-file", load_module_file},
  {"remove-module", remove_module},
  {"kexec", another_kernel},
  {"reboot", power},
  {"swap-on", swap},
  {"accounting", accounting},
  {"clock", clock_rate},
  {"host-name", host_name},
  {"kernel-log", kernel_log},
  {"io-ports", ports},
  {"one-io-port", one_port},
  {"disk-quota", disk_quota},
  {NULL, NULL},
};
