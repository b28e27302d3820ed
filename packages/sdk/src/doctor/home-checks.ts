import { statfs } from 'node:fs/promises';
import { createHomeLayout } from '@boxlite/layout';
import { type Check, checkOfError } from './check.js';

const GIB = 1024 ** 3;
/** Below this a box's disk, which grows as it is written, is likely to fill the file system. */
export const LOW_SPACE_BYTES = GIB;
/** Below this not even the files of a start fit. */
export const NO_SPACE_BYTES = GIB / 16;

/** Free and whole size of a file system, in bytes, as an ordinary user may use it. */
export interface SpaceFacts {
  readonly path: string;
  readonly freeBytes: number;
  readonly totalBytes: number;
}

/** Makes the home as any command does, and looks at the space around it. Facts: `path`; `freeBytes`, `totalBytes`. */
export async function homeChecks(homeDir: string | undefined): Promise<readonly Check[]> {
  try {
    const layout = createHomeLayout(homeDir);
    await layout.prepare();
    const { bavail, blocks, bsize } = await statfs(layout.home);
    const space = { path: layout.home, freeBytes: bavail * bsize, totalBytes: blocks * bsize };
    return [{ id: 'home', status: 'ok', detail: layout.home, facts: { path: layout.home } }, spaceCheck(space)];
  } catch (thrown) {
    return [checkOfError('home', 'failed', thrown)];
  }
}

/** Facts: those given. */
export function spaceCheck(facts: SpaceFacts): Check {
  const { freeBytes, totalBytes } = facts;
  const detail = `${gib(freeBytes)} of ${gib(totalBytes)} GiB free`;
  const status = freeBytes < NO_SPACE_BYTES ? 'failed' : freeBytes < LOW_SPACE_BYTES ? 'warning' : 'ok';
  const common = { id: 'disk-space', status, detail, facts: { ...facts } } as const;
  if (status === 'ok') return common;
  return { ...common, remedy: 'free space (`boxlite rm` removes boxes), or set BOXLITE_HOME to another file system' };
}

function gib(bytes: number): string {
  return (bytes / GIB).toFixed(1);
}
