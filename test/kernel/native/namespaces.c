#include "probe.h"

#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif

static const struct {
    const char *name;
    int flag;
    const char *link;
} kinds[] = {
    { "mnt", CLONE_NEWNS, "/proc/self/ns/mnt" },
    { "pid", CLONE_NEWPID, "/proc/self/ns/pid_for_children" },
    { "net", CLONE_NEWNET, "/proc/self/ns/net" },
    { "ipc", CLONE_NEWIPC, "/proc/self/ns/ipc" },
    { "uts", CLONE_NEWUTS, "/proc/self/ns/uts" },
    { "user", CLONE_NEWUSER, "/proc/self/ns/user" },
    { "cgroup", CLONE_NEWCGROUP, "/proc/self/ns/cgroup" },
    { "time", CLONE_NEWTIME, "/proc/self/ns/time_for_children" },
};

static void look(const char *link, char *text, size_t size)
{
    ssize_t length = readlink(link, text, size - 1);
    text[must(length, link)] = '\0';
}

/* unshare KIND: another namespace of the kind, and the way back. A user namespace cannot be left again. */
void probe_unshare(char **arguments)
{
    char before[64];
    char within[64];
    for (size_t index = 0; index < sizeof kinds / sizeof kinds[0]; index++) {
        if (strcmp(arguments[0], kinds[index].name) != 0)
            continue;
        int own = must(open(kinds[index].link, O_RDONLY), kinds[index].link);
        look(kinds[index].link, before, sizeof before);
        must(unshare(kinds[index].flag), "unshare");
        /* A pid namespace for children shows only once it has one. */
        if (kinds[index].flag == CLONE_NEWPID && fork() == 0)
            pause();
        look(kinds[index].link, within, sizeof within);
        check(strcmp(before, within) != 0, "the namespace is another one");
        if (kinds[index].flag != CLONE_NEWUSER)
            must(setns(own, kinds[index].flag), "setns");
        (void)printf("%s %s\n", before, within);
        return;
    }
    errno = 0;
    broken("no kind of namespace: %s", arguments[0]);
}

/* user-namespace: an ordinary user becomes root of one, with all capabilities in it and none outside. */
void probe_user_namespace(char **arguments)
{
    (void)arguments;
    must(setgid(1000), "setgid");
    must(setuid(1000), "setuid");
    /* Who has changed its user is not dumpable, and its files of /proc belong to root. */
    must(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0), "PR_SET_DUMPABLE");
    must(unshare(CLONE_NEWUSER | CLONE_NEWUTS), "unshare as an ordinary user");
    put_text("/proc/self/setgroups", "deny");
    put_text("/proc/self/uid_map", "0 1000 1");
    put_text("/proc/self/gid_map", "0 1000 1");
    check(getuid() == 0, "the user is root in there");
    must(sethostname("inner", 5), "sethostname in there");
    check(chown("/", 1, 1) != 0, "nothing is gained outside");
}

static void in_other_time(void)
{
    struct timespec now;
    must(clock_gettime(CLOCK_BOOTTIME, &now), "clock_gettime");
    check(now.tv_sec >= 1000000, "the boot was long ago in there");
}

/* time-namespace: a machine that was booted earlier. */
void probe_time_namespace(char **arguments)
{
    (void)arguments;
    must(unshare(CLONE_NEWTIME), "unshare");
    put_text("/proc/self/timens_offsets", "boottime 1000000 0");
    check(in_child(in_other_time) == 0, "a child lives in it");
}

static void as_first(void)
{
    check(getpid() == 1, "the first process is 1");
}

void probe_pid_namespace(char **arguments)
{
    (void)arguments;
    must(unshare(CLONE_NEWPID), "unshare");
    check(in_child(as_first) == 0, "a child is the first process of it");
}

/* ipc-namespace: System V and POSIX message queues of the one are not seen in the other. */
void probe_ipc_namespace(char **arguments)
{
    (void)arguments;
    const key_t key = 0x626f78;
    int queue = must(msgget(key, IPC_CREAT | 0600), "msgget");
    mqd_t posix = mq_open("/probe-of-ipc", O_CREAT | O_RDWR, 0600, NULL);
    must(posix, "mq_open");
    must(unshare(CLONE_NEWIPC), "unshare");
    check(msgget(key, 0) < 0 && errno == ENOENT, "the queue is not there");
    check(mq_open("/probe-of-ipc", O_RDWR) < 0 && errno == ENOENT, "the POSIX queue is not there");
    must(msgctl(queue, IPC_RMID, NULL) < 0 ? 0 : -1, "the queue cannot be reached");
}

/* cgroup-namespace: a process sees its cgroup as the root. */
void probe_cgroup_namespace(char **arguments)
{
    (void)arguments;
    char text[256];
    must(unshare(CLONE_NEWCGROUP), "unshare");
    get_text("/proc/self/cgroup", text, sizeof text);
    check(strcmp(text, "0::/\n") == 0, text);
}
