/* What the parts of the agent share. One process, one thread, one loop. */
#ifndef BOXLITE_AGENT_H
#define BOXLITE_AGENT_H

#include <stdbool.h>
#include <stdint.h>

#include "container.h"
#include "machine.h"

#define AGENT_VERSION "0.1.0"
#define PROTOCOL_GENERATION 1u

struct agent {
    int epoll;
    int link;
    int null; /* /dev/null, opened before there was a container */
    bool link_writable;
    bool link_once;   /* a lost link does not come back */
    bool ending;      /* a shutdown is under way */
    bool initialized; /* init has been done */
    uint64_t boot_us; /* CLOCK_BOOTTIME when main began */
    struct container container;
    /* Defaults of every exec, from init; owned. */
    struct text_list env;
    char *cwd;
    char *user;
    char hostname[HOSTNAME_BYTES];
    bool hosts_given;             /* the hosts file is the host's, not ours */
    char boot_id[BOOT_ID_BYTES]; /* as the container sees it; "" before init */
};

extern struct agent agent;

/* Adds a descriptor to the loop, edge-triggered. False with errno. */
bool watch(int fd, uint32_t events, uint64_t tag);

#endif
