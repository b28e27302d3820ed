/** Where nobody says how many it can use: NR_CPUS of the stock libkrunfw kernel, the smallest of those in use. */
export const DEFAULT_KERNEL_MAX_VCPUS = 16;
/** Below this the libkrunfw kernel runs out of memory before the agent starts (measured, package README, "Memory"). */
export const MIN_MEMORY_MIB = 64;
/**
 * Interrupts libkrun has for virtio-mmio devices, one a device: 5 to 15 on x86-64, 32 to 159 on arm64 (`IRQ_BASE` and `IRQ_MAX` in
 * src/arch/src/<architecture>/layout.rs of libkrun).
 */
export const MAX_DEVICES: Readonly<Record<string, number>> = { x64: 11, arm64: 128 };
/** Devices of every machine: balloon, rng, console and vsock. libkrun makes the first two whether asked or not. */
export const IMPLICIT_DEVICES = 4;
/** COMMAND_LINE_SIZE of x86 Linux is 2048; libkrun adds up to 40 for each device, we add up to 100. */
export const MAX_COMMAND_LINE_BYTES = 1400;
/** `sun_path` on Linux, its NUL excluded (unix(7)). */
export const MAX_SOCKET_PATH_BYTES = 107;
/** Of a virtio file system's tag (virtio 1.2, 5.11.4). libkrun panics above it. */
export const MAX_TAG_BYTES = 36;
/** Where the guest dials (VMADDR_CID_HOST), and what the agent looks for. */
export const AGENT_VSOCK_PORT = 2695;
