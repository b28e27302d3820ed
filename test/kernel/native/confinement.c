#include "probe.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* The second version can tell files moved between directories (LANDLOCK_ACCESS_FS_REFER). */
#define LANDLOCK_ABI_WANTED 2

/* Installs a filter that treats one system call specially; returns what seccomp(2) does. */
static long filter_one(unsigned call, unsigned action, unsigned flags)
{
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, action),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = { .len = sizeof filter / sizeof filter[0], .filter = filter };
    must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs");
    return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
}

static void filtered(void)
{
    must(filter_one(SYS_getppid, SECCOMP_RET_ERRNO | ENOTNAM, 0), "installing a filter");
    check(syscall(SYS_getppid) == -1 && errno == ENOTNAM, "the call fails as the filter says");
    must(syscall(SYS_getpid), "other calls go on");
}

void probe_seccomp_filter(char **arguments)
{
    (void)arguments;
    check(in_child(filtered) == 0, "a filtered process lives");
}

static int socket_pair[2];

static void send_listener(int listener)
{
    char space[CMSG_SPACE(sizeof listener)] = { 0 };
    char byte = 0;
    struct iovec part = { &byte, 1 };
    struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = space, .msg_controllen = sizeof space };
    struct cmsghdr *control = CMSG_FIRSTHDR(&message);
    control->cmsg_level = SOL_SOCKET;
    control->cmsg_type = SCM_RIGHTS;
    control->cmsg_len = CMSG_LEN(sizeof listener);
    *(int *)(void *)CMSG_DATA(control) = listener;
    must(sendmsg(socket_pair[1], &message, 0), "handing the listener over");
}

static int take_listener(void)
{
    char space[CMSG_SPACE(sizeof(int))] = { 0 };
    char byte;
    struct iovec part = { &byte, 1 };
    struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = space, .msg_controllen = sizeof space };
    check(recvmsg(socket_pair[0], &message, 0) == 1, "the listener arrives");
    struct cmsghdr *control = CMSG_FIRSTHDR(&message);
    check(control != NULL, "with a descriptor");
    return *(int *)(void *)CMSG_DATA(control);
}

static _Noreturn void supervised(void)
{
    long listener = filter_one(SYS_getppid, SECCOMP_RET_USER_NOTIF, SECCOMP_FILTER_FLAG_NEW_LISTENER);
    send_listener(must(listener, "a listener"));
    _exit(syscall(SYS_getppid) == 4711 ? 0 : 1);
}

/* seccomp-notification: another process answers a system call. */
void probe_seccomp_notification(char **arguments)
{
    (void)arguments;
    int status;
    must(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, socket_pair), "socketpair");
    pid_t child = must(fork(), "fork");
    if (child == 0)
        supervised();
    int listener = take_listener();
    struct seccomp_notif request = { 0 };
    must(ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &request), "a notification");
    check(request.data.nr == SYS_getppid, "it is the call");
    struct seccomp_notif_resp response = { .id = request.id, .val = 4711 };
    must(ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &response), "the answer");
    must(waitpid(child, &status, 0), "waitpid");
    check(status == 0, "the caller gets the answer");
}

static void restricted(void)
{
    struct landlock_ruleset_attr attributes = { .handled_access_fs = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE };
    int rules = must(syscall(SYS_landlock_create_ruleset, &attributes, sizeof attributes, 0), "landlock_create_ruleset");
    struct landlock_path_beneath_attr usr = {
        .allowed_access = LANDLOCK_ACCESS_FS_READ_FILE,
        .parent_fd = must(open("/usr", O_PATH), "/usr"),
    };
    must(syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &usr, 0), "landlock_add_rule");
    must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs");
    must(syscall(SYS_landlock_restrict_self, rules, 0), "landlock_restrict_self");
    check(open("/etc/passwd", O_RDONLY) < 0 && errno == EACCES, "what no rule allows is denied");
    must(open("/usr/local/bin/kernel-probe", O_RDONLY), "what a rule allows is not");
}

void probe_landlock(char **arguments)
{
    (void)arguments;
    long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    must(version, "the version of Landlock");
    check(version >= LANDLOCK_ABI_WANTED, "Landlock is of version 2 or later");
    check(in_child(restricted) == 0, "a restricted process lives");
}
