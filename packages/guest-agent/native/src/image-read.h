/* Reading what a first command is likely to need, so that it is in memory when the machine is captured. */
#ifndef BOXLITE_IMAGE_READ_H
#define BOXLITE_IMAGE_READ_H

#include <stdint.h>

#include "request.h"

struct image_read {
    uint64_t bytes;
    uint32_t files;
};

/*
 * Reads files and directories of an image, whose symlinks lead nowhere but into it, until so many bytes have been read. An image is hostile: what is no file
 * and no directory is not opened for reading, nothing waits, and nothing of it is run.
 */
struct image_read image_read(const char *root, const struct text_list *paths, uint64_t limit);

#endif
