import { readdir, readlink } from 'node:fs/promises';

/** What the open descriptors of this process lead to, sockets and pipes of the test runner left out. */
export async function openFiles(): Promise<string[]> {
  const targets: string[] = [];
  for (const descriptor of await readdir('/proc/self/fd')) {
    try {
      const target = await readlink(`/proc/self/fd/${descriptor}`);
      if (target.startsWith('/') && !target.startsWith('/dev/') && !target.startsWith('/proc/')) targets.push(target);
    } catch {
      // The descriptor of the listing itself is gone by now.
    }
  }
  return targets;
}
