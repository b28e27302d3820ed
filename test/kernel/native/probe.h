/* Checks of the kernel, each a command of the program `kernel-probe`: exit 0 when the feature works, else 1 and the reason on stderr. */
#ifndef KERNEL_PROBE_H
#define KERNEL_PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Ends the probe: what did not work, with errno where it says why. */
_Noreturn __attribute__((format(printf, 1, 2))) void broken(const char *format, ...);

/* A call's result, or the end of the probe where it is negative. */
int must(long result, const char *what);

/* Ends the probe unless the condition holds. */
void check(bool holds, const char *what);

/* Writes a text into a file of the kernel. */
void put_text(const char *path, const char *text);

/* Reads a file of the kernel, NUL at the end. */
void get_text(const char *path, char *text, size_t size);

/* Runs `child` in a fork; returns its wait status. */
int in_child(void (*child)(void));

/* The probes; `arguments` are those after the name, ended by NULL. */
typedef void probe(char **arguments);
probe probe_hello, probe_tmpfs, probe_overlay, probe_disk, probe_fuse, probe_vsock, probe_tun, probe_tcp, probe_udp_serve, probe_udp_ask;
probe probe_unshare, probe_user_namespace, probe_time_namespace, probe_pid_namespace, probe_ipc_namespace, probe_cgroup_namespace;
probe probe_memory_limit, probe_pids_limit, probe_cpu_limit, probe_cpuset, probe_freeze, probe_device_program;
probe probe_seccomp_filter, probe_seccomp_notification, probe_landlock, probe_mqueue, probe_inotify, probe_io_uring, probe_pageout, probe_fill;

/* Not a probe: ends the machine it is init of, by the name it was started with. */
_Noreturn void end_machine(const char *how);

#endif
