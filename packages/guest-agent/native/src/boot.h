/* What init of the machine does before anybody asks for anything: its own mounts, its own console, nothing of a box. */
#ifndef BOXLITE_BOOT_H
#define BOXLITE_BOOT_H

/* Mounts /proc, /sys, /dev, /run and /tmp and gives the process its standard descriptors. */
void boot_mounts(void);

/* One line to the console. */
void console_log(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Logs why and ends the machine: the console is what the host shows for a failed start. */
_Noreturn void boot_fatal(const char *what, int errno_value);

/* Writes everything to the disks and ends the machine. */
_Noreturn void machine_end(void);

#endif
