/*
 * The floor of a start: libkrun and nothing around it. Boots the product's kernel and disks as the product's shim does, and becomes the virtual
 * machine; no jail, no supervisor, no records.
 *
 *   bare-krun LIBRARY KERNEL CONTAINER_DISK ROOTFS_DISK AGENT_SOCKET CONSOLE_FILE MEMORY_MIB
 *
 * CONTAINER_DISK is qcow2 and writable, ROOTFS_DISK raw and read-only; the guest dials vsock port 2695, which libkrun connects to AGENT_SOCKET.
 */
#include <dlfcn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    AGENT_PORT = 2695,
    KERNEL_FORMAT_ELF = 1,
    DISK_FORMAT_RAW = 0,
    DISK_FORMAT_QCOW2 = 1,
};

static const char COMMAND_LINE[] = "console=hvc0 root=/dev/vdb ro rootfstype=ext4 init=/boxlite/bin/boxlite-guest "
                                   "reboot=k panic=-1 quiet nomodule no-kvmapf";

struct libkrun {
    int32_t (*create_ctx)(void);
    int32_t (*set_vm_config)(uint32_t, uint8_t, uint32_t);
    int32_t (*set_kernel)(uint32_t, const char *, uint32_t, const char *, const char *);
    int32_t (*add_disk2)(uint32_t, const char *, const char *, uint32_t, bool);
    int32_t (*disable_implicit_vsock)(uint32_t);
    int32_t (*add_vsock)(uint32_t, uint32_t);
    int32_t (*add_vsock_port2)(uint32_t, uint32_t, const char *, bool);
    int32_t (*set_console_output)(uint32_t, const char *);
    int32_t (*start_enter)(uint32_t);
};

static void bind_symbol(void *library, const char *name, void *target)
{
    void *symbol = dlsym(library, name);
    if (symbol == NULL) {
        (void)fprintf(stderr, "bare-krun: this libkrun has no %s\n", name);
        exit(1);
    }
    memcpy(target, &symbol, sizeof symbol);
}

static struct libkrun load(const char *path)
{
    struct libkrun krun;
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) {
        (void)fprintf(stderr, "bare-krun: %s\n", dlerror());
        exit(1);
    }
    bind_symbol(library, "krun_create_ctx", &krun.create_ctx);
    bind_symbol(library, "krun_set_vm_config", &krun.set_vm_config);
    bind_symbol(library, "krun_set_kernel", &krun.set_kernel);
    bind_symbol(library, "krun_add_disk2", &krun.add_disk2);
    bind_symbol(library, "krun_disable_implicit_vsock", &krun.disable_implicit_vsock);
    bind_symbol(library, "krun_add_vsock", &krun.add_vsock);
    bind_symbol(library, "krun_add_vsock_port2", &krun.add_vsock_port2);
    bind_symbol(library, "krun_set_console_output", &krun.set_console_output);
    bind_symbol(library, "krun_start_enter", &krun.start_enter);
    return krun;
}

static void check(const char *step, int32_t result)
{
    if (result >= 0)
        return;
    (void)fprintf(stderr, "bare-krun: %s: %s\n", step, strerror(-result));
    exit(1);
}

int main(int argc, char **argv)
{
    if (argc != 8) {
        (void)fprintf(stderr, "usage: bare-krun LIBRARY KERNEL CONTAINER_DISK ROOTFS_DISK AGENT_SOCKET CONSOLE_FILE MEMORY_MIB\n");
        return 2;
    }
    char *end = NULL;
    unsigned long memory_mib = strtoul(argv[7], &end, 10);
    if (*end != '\0' || memory_mib == 0 || memory_mib > 65536) {
        (void)fprintf(stderr, "bare-krun: %s is no size of memory in MiB\n", argv[7]);
        return 2;
    }
    struct libkrun krun = load(argv[1]);
    int32_t context = krun.create_ctx();
    check("context", context);
    uint32_t id = (uint32_t)context;
    check("machine", krun.set_vm_config(id, 1, (uint32_t)memory_mib));
    check("kernel", krun.set_kernel(id, argv[2], KERNEL_FORMAT_ELF, NULL, COMMAND_LINE));
    check("container disk", krun.add_disk2(id, "vda", argv[3], DISK_FORMAT_QCOW2, false));
    check("rootfs disk", krun.add_disk2(id, "vdb", argv[4], DISK_FORMAT_RAW, true));
    check("implicit vsock", krun.disable_implicit_vsock(id));
    check("vsock", krun.add_vsock(id, 0));
    check("vsock port", krun.add_vsock_port2(id, AGENT_PORT, argv[5], false));
    check("console", krun.set_console_output(id, argv[6]));
    check("start", krun.start_enter(id));
    return 0;
}
