/*
 * The one container of the machine: pid, mount, ipc, uts and cgroup namespaces of its own, the image's disk as its root.
 *
 * Once it runs, the agent itself has joined its ipc, uts and cgroup namespaces and forks into its pid namespace, so that an exec has
 * only the mount namespace left to join. The agent keeps its own mount namespace: /boxlite and the disks' nodes exist there alone.
 */
#ifndef BOXLITE_CONTAINER_H
#define BOXLITE_CONTAINER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "failure.h"
#include "machine.h"
#include "request.h"

#define NO_CONTAINER { .order = -1, .report = -1, .mount_namespace = -1, .cgroup = -1, .pts = -1 }

#define CONTAINER_MOUNT "/boxlite/container"

struct container {
    bool running;
    bool prepared;                      /* built before init, on this disk: */
    char prepared_disk[DISK_NAME_BYTES];
    uint64_t prepared_bytes;
    pid_t init_pid; /* 0: there is none yet */
    int order;      /* a byte tells init to build the container */
    int report;     /* what it has to say */
    int mount_namespace;
    int cgroup; /* directory of the cgroup its processes start in, -1 where the kernel has no cgroup2 */
    int pts;    /* directory: the container's /dev/pts */
    char boot_id[BOOT_ID_BYTES]; /* as it sees it */
    uint64_t disk_us;        /* what mounting its disk took, growth included */
    uint64_t disk_growth_us; /* what growing its file system took, 0 when it filled its device already */
};

/*
 * Makes what of a container is the same for every box, up to a process that waits to become its init, and joins its namespaces. Nothing is asked of
 * the kernel that could differ between boxes: a machine may be captured afterwards and continued many times. Done at once when it was done before.
 */
bool container_prepare(struct container *container, struct failure *failure);

/*
 * Also what of it is the same for every box of one image that is not privileged: the disk mounted, the view built, and what the agent gives up given up.
 * On failure the machine is as before, but for that.
 */
bool container_prepare_image(const struct prepare_request *request, struct container *container, struct failure *failure);

/* Whether what was prepared, if anything was, is what this box asks for. */
bool container_is_prepared_for(const struct container *container, const struct init_request *request);

/* Makes the container. On failure the machine is as before and init may be tried again. */
bool container_start(const struct init_request *request, struct container *container, struct failure *failure);

/* Lets go of the container whose processes are gone, and unmounts its disk; read-only, where something still holds it. */
void container_unmount(struct container *container);

/*
 * The child that becomes process 1 of the container: prepares, reports to `report` (one struct init_report), waits for a byte from `order`, builds the
 * view that the request (in memory it shares with the agent) asks for, reports again, gives up what a container may not do, and reaps orphans
 * until the agent (SIGUSR1) asks it to leave once it has no children.
 */
_Noreturn void container_init_run(const struct init_request *request, int order, int report);

struct init_report {
    int ok;
    struct failure failure; /* its code and field are literals: valid in the parent, which is the same program image */
};

/*
 * Steps of container_init_run, each in a file of its own. `root`: the directory the view of the container is built in, or "" for the container itself.
 */
bool container_devices_prepare(struct failure *failure);                                      /* container-mounts.c */
bool container_boot_id_prepare(struct failure *failure);                                      /* container-mounts.c */
bool container_mounts(const char *root, bool privileged, struct failure *failure);            /* container-mounts.c */
bool container_etc_prepare(struct failure *failure);                                          /* container-etc.c */
bool container_etc_attach(const struct init_request *request, struct failure *failure);       /* container-etc.c */
bool container_volumes_prepare(const struct init_request *request, struct failure *failure);  /* container-volumes.c */
bool container_volumes_attach(const struct init_request *request, struct failure *failure);   /* container-volumes.c */

/* Drops everything but Docker's default capabilities from the bounding set of the caller. */
bool capabilities_bound(struct failure *failure);
/* Also from its effective and permitted sets. */
bool capabilities_drop(struct failure *failure);

#endif
