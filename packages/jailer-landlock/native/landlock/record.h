#ifndef BOXLITE_RECORD_H
#define BOXLITE_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct record {
  char letter;
  bool has_identity;
  uint64_t device, inode;
  const char *path; /* within the text, NUL-terminated */
};

/* Reads one record of restrict.h's form. Returns its length with the NUL. Ends the process with STEP_DATA for anything else. */
size_t read_record(const char *text, size_t length, struct record *into);

#endif
