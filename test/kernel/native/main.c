#include "probe.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct {
    const char *name;
    probe *run;
} probes[] = {
    { "hello", probe_hello },
    { "tmpfs", probe_tmpfs },
    { "overlay", probe_overlay },
    { "disk", probe_disk },
    { "fuse", probe_fuse },
    { "vsock", probe_vsock },
    { "tun", probe_tun },
    { "tcp", probe_tcp },
    { "udp-serve", probe_udp_serve },
    { "udp-ask", probe_udp_ask },
    { "unshare", probe_unshare },
    { "user-namespace", probe_user_namespace },
    { "time-namespace", probe_time_namespace },
    { "pid-namespace", probe_pid_namespace },
    { "ipc-namespace", probe_ipc_namespace },
    { "cgroup-namespace", probe_cgroup_namespace },
    { "memory-limit", probe_memory_limit },
    { "pids-limit", probe_pids_limit },
    { "cpu-limit", probe_cpu_limit },
    { "cpuset", probe_cpuset },
    { "freeze", probe_freeze },
    { "device-program", probe_device_program },
    { "seccomp-filter", probe_seccomp_filter },
    { "seccomp-notification", probe_seccomp_notification },
    { "landlock", probe_landlock },
    { "mqueue", probe_mqueue },
    { "inotify", probe_inotify },
    { "io-uring", probe_io_uring },
    { "pageout", probe_pageout },
    { "fill", probe_fill },
};

void broken(const char *format, ...)
{
    int reason = errno;
    va_list arguments;
    va_start(arguments, format);
    (void)vfprintf(stderr, format, arguments);
    va_end(arguments);
    (void)fprintf(stderr, reason == 0 ? "\n" : ": %s\n", strerror(reason));
    exit(1);
}

int must(long result, const char *what)
{
    if (result < 0)
        broken("%s", what);
    return (int)result;
}

void check(bool holds, const char *what)
{
    errno = 0;
    if (!holds)
        broken("not so: %s", what);
}

void put_text(const char *path, const char *text)
{
    int fd = must(open(path, O_WRONLY | O_CLOEXEC), path);
    if (write(fd, text, strlen(text)) != (ssize_t)strlen(text))
        broken("writing %s to %s", text, path);
    must(close(fd), path);
}

void get_text(const char *path, char *text, size_t size)
{
    int fd = must(open(path, O_RDONLY | O_CLOEXEC), path);
    text[must(read(fd, text, size - 1), path)] = '\0';
    must(close(fd), path);
}

int in_child(void (*child)(void))
{
    pid_t pid = must(fork(), "fork");
    if (pid == 0) {
        child();
        _exit(0);
    }
    int status;
    must(waitpid(pid, &status, 0), "waitpid");
    return status;
}

/* hello: for an image that has nothing but this program. */
void probe_hello(char **arguments)
{
    (void)arguments;
    (void)printf("hello from process %d\n", (int)getpid());
}

int main(int count, char **words)
{
    if (strstr(words[0], "/end-by-") != NULL)
        end_machine(words[0]);
    for (size_t index = 0; count > 1 && index < sizeof probes / sizeof probes[0]; index++) {
        if (strcmp(words[1], probes[index].name) != 0)
            continue;
        probes[index].run(words + 2);
        return 0;
    }
    (void)fprintf(stderr, "usage: kernel-probe NAME [ARGUMENT...]\n");
    return 2;
}
