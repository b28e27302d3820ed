/* The disk of the container: mounted, and as large as its device. */
#ifndef BOXLITE_CONTAINER_DISK_H
#define BOXLITE_CONTAINER_DISK_H

#include <stdbool.h>
#include <stdint.h>

#include "failure.h"

/*
 * Mounts the ext4 file system of the device, and grows it where the device is larger: the disks of images are shared by boxes of all sizes.
 * A machine that ends in the middle leaves a sound file system, which the next start grows further.
 * bytes: the size its device is about to have, where that is known, else 0.
 * growth_us: microseconds that took, 0 when there was nothing to grow. Nothing is mounted after a failure.
 */
bool container_disk_mount(const char *device, uint64_t bytes, const char *target, uint64_t *growth_us, struct failure *failure);

/* Writes what the mounted file system has in memory to its device. */
bool container_disk_sync(const char *target, struct failure *failure);

#endif
