/*
 * The guest's console is this process's stdout. libkrun only takes a path for it, and in the jail no path leads to a descriptor: there is no /proc. So the
 * program answers libkrun's open of CONSOLE_PATH itself, with a duplicate of stdout. Nothing of the host has to be granted, nothing is left behind,
 * and what the guest wrote last is in the pipe when the process ends.
 */
#ifndef CONSOLE_H
#define CONSOLE_H

/* No file of this name can exist: its parent is a device. */
#define CONSOLE_PATH "/dev/null/boxlite-console"

#endif
