#ifndef BOXLITE_HAND_OVER_WRITE_FILE_H
#define BOXLITE_HAND_OVER_WRITE_FILE_H

#include <stdbool.h>

/* Writes a text to a file that exists, in one piece; false with errno. */
bool write_file(const char *path, const char *text);

#endif
