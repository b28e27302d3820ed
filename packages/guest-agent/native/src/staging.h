/*
 * The small file system, hidden from the container, that single files and device nodes are mounted from. The agent keeps its files open: what the
 * container does to the paths they are mounted on does not matter to it.
 */
#ifndef BOXLITE_STAGING_H
#define BOXLITE_STAGING_H

#include <stdbool.h>
#include <stddef.h>

#include "failure.h"

#define STAGING "/tmp"

enum staged_file { STAGED_HOSTNAME, STAGED_HOSTS, STAGED_RESOLV_CONF, STAGED_BOOT_ID, STAGED_COUNT };

/* Makes the files, empty. Nothing happens the second time. */
bool staging_prepare(struct failure *failure);

const char *staged_path(enum staged_file file);

/* What the file holds from now on, wherever it is mounted. */
bool staging_write(enum staged_file file, const void *bytes, size_t length, struct failure *failure);

/* The hosts file of ours for a host name. */
bool staging_write_hosts(const char *hostname, struct failure *failure);

bool staging_write_hostname(const char *hostname, struct failure *failure);

#endif
