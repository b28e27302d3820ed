/* The one byte stream to the host: the virtio-serial port named "agent" where there is one (QEMU), else vsock (libkrun). */
#ifndef BOXLITE_LINK_H
#define BOXLITE_LINK_H

#include <stdbool.h>

/*
 * What one write to a vsock may have: longer ones the kernel (6.12.41 and later) builds of several pieces beyond 32 KiB with its own headers, and
 * libkrun before 1.18.1 takes only the first (BufDescTooSmall) and loses the packet.
 */
#define VSOCK_WRITE_BYTES (31u * 1024u)

/*
 * Opens the link, waiting for the device to appear. Never returns without one: a machine nobody can talk to is ended. Nonblocking. *once: it cannot
 * come back once it is lost (vsock), while a serial port is there for whoever connects next.
 */
int link_open(bool *once);

/*
 * Closes a serial port whose host has gone, and opens it again: what that host had sent is dropped by the kernel, and the next one is told that nothing
 * of it is left (QEMU: VSERPORT_CHANGE, false and then true). Nobody else may hold the port: no command is between its clone and its execve.
 */
int link_reopen(int fd);

#endif
