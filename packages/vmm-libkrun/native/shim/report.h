/* Why the shim ends before there is a machine: one line on stderr and an exit status. */
#ifndef REPORT_H
#define REPORT_H

/* Exit statuses. libkrun itself ends the process with the guest's status or with 0. */
#define EXIT_CONFIG 2  /* the configuration on stdin is not acceptable; the line names the field */
#define EXIT_LIBRARY 3 /* libkrun cannot be loaded, or has no function for what is asked */
#define EXIT_MACHINE 4 /* libkrun refused to build the machine; its own log lines come before ours */

#define PROGRAM "boxlite-krun-shim"

/* Writes `boxlite-krun-shim: <text>` and ends the process. Control characters are replaced. */
_Noreturn void give_up(int status, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
