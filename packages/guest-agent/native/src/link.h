/* The one byte stream to the host: vsock where there is one, else the virtio-serial port named "agent". */
#ifndef BOXLITE_LINK_H
#define BOXLITE_LINK_H

/* Opens the link, waiting for the device to appear. Never returns without one: a machine nobody can talk to is ended. Nonblocking. */
int link_open(void);

#endif
