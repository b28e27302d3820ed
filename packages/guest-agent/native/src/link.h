/* The one byte stream to the host: the virtio-serial port named "agent" where there is one (QEMU), else vsock (libkrun). */
#ifndef BOXLITE_LINK_H
#define BOXLITE_LINK_H

#include <stdbool.h>

/*
 * Opens the link, waiting for the device to appear. Never returns without one: a machine nobody can talk to is ended. Nonblocking. *once: it cannot
 * come back once it is lost (vsock), while a serial port is there for whoever connects next.
 */
int link_open(bool *once);

#endif
