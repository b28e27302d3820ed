#include "boot.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <unistd.h>

void console_log(const char *format, ...)
{
    char line[512];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(line, sizeof line - 1, format, arguments);
    va_end(arguments);
    if (length < 0)
        return;
    size_t used = strlen(line);
    line[used] = '\n';
    /* A console that cannot be written leaves nobody to tell. */
    if (write(STDERR_FILENO, line, used + 1) < 0)
        return;
}

_Noreturn void machine_end(void)
{
    sync();
    /* The kernel command line has reboot=t and QEMU runs with -no-reboot, libkrun ends on any reset: this is power-off. */
    reboot(RB_AUTOBOOT);
    for (;;)
        pause();
}

_Noreturn void boot_fatal(const char *what, int errno_value)
{
    console_log("boxlite-guest: fatal: %s%s%s", what, errno_value ? ": " : "", errno_value ? strerror(errno_value) : "");
    machine_end();
}

static void mount_once(const char *type, const char *target, unsigned long flags, const char *options)
{
    /* EBUSY: the kernel has mounted it already (CONFIG_DEVTMPFS_MOUNT). */
    if (mount(type, target, type, flags, options) != 0 && errno != EBUSY)
        boot_fatal(target, errno);
}

static void open_console(void)
{
    int console = open("/dev/console", O_RDWR | O_NOCTTY);
    if (console < 0)
        console = open("/dev/null", O_RDWR);
    if (console < 0)
        machine_end();
    for (int target = 0; target <= 2; target++) {
        if (console != target && dup2(console, target) < 0)
            machine_end();
    }
    if (console > 2 && close(console) != 0)
        boot_fatal("close console", errno);
}

void boot_mounts(void)
{
    mount_once("devtmpfs", "/dev", MS_NOSUID, "mode=0755");
    open_console();
    mount_once("proc", "/proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
    mount_once("sysfs", "/sys", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
    mount_once("tmpfs", "/run", MS_NOSUID | MS_NODEV, "mode=0755,size=1m");
    /* Not nodev: the container's device nodes are mounted from here (staging.h). */
    mount_once("tmpfs", "/tmp", MS_NOSUID | MS_NOEXEC, "mode=0755,size=256k");
    umask(022);
}
