import { readdirSync, readFileSync } from 'node:fs';

/** O_CLOEXEC of every Linux architecture Node.js runs on (asm-generic/fcntl.h), as /proc/self/fdinfo shows it. */
const CLOSE_ON_EXEC = 0o2000000;

/**
 * Descriptors this process itself was started with beyond the standard three, which every child would inherit too. Node.js opens its own to be
 * closed on exec, but leaves those alone. On macOS, where nothing tells them apart, all that are open.
 */
export function inheritedDescriptors(): readonly number[] {
  const directory = process.platform === 'darwin' ? '/dev/fd' : '/proc/self/fd';
  return readdirSync(directory)
    .map(Number)
    .filter((fd) => fd > 2 && !isClosedOnExec(fd));
}

function isClosedOnExec(fd: number): boolean {
  if (process.platform === 'darwin') return false;
  try {
    const flags = /^flags:\s*([0-7]+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))?.[1] ?? '0';
    return (Number.parseInt(flags, 8) & CLOSE_ON_EXEC) !== 0;
  } catch {
    // The descriptor the list itself was read with.
    return true;
  }
}
