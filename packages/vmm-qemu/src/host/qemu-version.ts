/** `-netdev stream`, chardev `fd=` listeners that survive, and microvm's `isa-serial=off` are all in this one. */
export const MIN_QEMU_MAJOR = 7;

/**
 * @param text what `qemu-system-x86_64 --version` printed
 * @returns for example `7.2.22`, undefined when the text is something else
 */
export function parseQemuVersion(text: string): string | undefined {
  return /^QEMU emulator version (\d{1,4}\.\d{1,4}(?:\.\d{1,4})?)/m.exec(text)?.[1];
}

/** True when a version of {@link parseQemuVersion} is new enough. */
export function isSupportedQemu(version: string): boolean {
  return isQemuSince(version, MIN_QEMU_MAJOR, 0);
}

/** True when a version such as `8.2.2` is `major.minor` or newer; false for what is no version. */
export function isQemuSince(version: string, major: number, minor: number): boolean {
  const [theMajor = 0, theMinor = 0] = version.split('.').map(Number);
  return theMajor > major || (theMajor === major && theMinor >= minor);
}
