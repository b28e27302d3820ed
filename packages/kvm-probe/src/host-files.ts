import { access, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Text of a file below a root; empty when there is none or it is closed to us: then nothing is known of it, and the classification says so. */
export async function textOf(root: string, path: string): Promise<string> {
  try {
    return await readFile(join(root, path), 'utf8');
  } catch {
    // See above: whatever the reason, there is nothing to read.
    return '';
  }
}

/** Names in a directory below a root; none when it is missing. */
export async function namesIn(root: string, path: string): Promise<readonly string[]> {
  try {
    return await readdir(join(root, path));
  } catch {
    // No /sys, or a kernel without modules: nothing is known to be there.
    return [];
  }
}

/** Whether a path exists as far as this process can see. */
export async function exists(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch {
    // Absent, or in a directory closed to us; either way it cannot be used.
    return false;
  }
}
