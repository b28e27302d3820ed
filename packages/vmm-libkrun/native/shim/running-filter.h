/*
 * The shim's second filter: what only loading a program and a library needs is taken away from every thread before the machine runs. The same lines
 * as policy/libkrun-running.policy, which a test compares with.
 */
#ifndef RUNNING_FILTER_H
#define RUNNING_FILTER_H

/*
 * Ends the process if the filter cannot be installed. Does nothing in a process that runs under no filter: there system calls are not
 * restricted because somebody chose so.
 */
void running_filter_install(void);

#endif
