import { chownSync, closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Descriptors of this process, by the number the child is to have them under. */
export interface DataFiles {
  readonly descriptors: ReadonlyMap<number, number>;
  close(): void;
}

/**
 * Puts bytes where a child can read them from a descriptor: files that have no name any more, open for reading alone. Nobody else can open
 * them, and they are gone with the last descriptor. Synchronous, so that nothing can fail between the making and the spawn.
 * @param withheld numbers under which the child is to find nothing, unless they carry data
 * @param owner whose the files are: a child may open its descriptors anew, by their names in /proc. Absent: this process's user
 */
export function openDataFiles(
  data: readonly { readonly fd: number; readonly data: Uint8Array }[],
  withheld: readonly number[],
  owner?: number,
): DataFiles {
  const opened: number[] = [];
  const close = () => {
    for (const descriptor of opened.splice(0)) closeSync(descriptor);
  };
  const open = (path: string) => {
    const descriptor = openSync(path, 'r');
    opened.push(descriptor);
    return descriptor;
  };
  const descriptors = new Map<number, number>();
  try {
    for (const fd of withheld) descriptors.set(fd, open('/dev/null'));
    if (data.length > 0) {
      inDirectory((directory) => {
        for (const { fd, data: bytes } of data) {
          const file = join(directory, String(fd));
          writeFileSync(file, bytes, { mode: 0o600, flag: 'wx' });
          descriptors.set(fd, open(file));
          if (owner !== undefined) chownSync(file, owner, -1);
        }
      });
    }
  } catch (thrown) {
    close();
    throw thrown;
  }
  return { descriptors, close };
}

/** A directory nobody else can enter, gone with what is in it afterwards. */
function inDirectory(work: (directory: string) => void): void {
  const directory = mkdtempSync(join(tmpdir(), 'boxlite-confined-'));
  try {
    work(directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
