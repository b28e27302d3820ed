/** Where the kernel's source does not say how many it can use: NR_CPUS of the stock libkrunfw kernel, the smallest of those in use. */
export const MAX_VCPUS = 16;
/**
 * Below this the libkrunfw kernel (41 MiB of image, bss and page structures) runs out of memory before the agent starts.
 */
export const MIN_MEMORY_MIB = 64;
/** microvm without ACPI has 8 virtio-mmio slots; the random device, the balloon and the serial device (console and agent) take three. */
export const MAX_DISKS = 5;
/** COMMAND_LINE_SIZE of x86 Linux is 2048; QEMU adds about 40 for each device, we add up to 200. */
export const MAX_COMMAND_LINE_BYTES = 1400;
/** `sun_path` on Linux, its NUL excluded (unix(7)). */
export const MAX_SOCKET_PATH_BYTES = 107;
