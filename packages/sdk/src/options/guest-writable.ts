import { realpath } from 'node:fs/promises';
import { BoxliteError, type BoxRecord } from '@boxlite/core';
import { parseBoxOptions } from './box-options.js';

/** The directories guests may write: the writable volumes of boxes, canonical; those that are gone left out. */
export async function guestWritableDirectories(boxes: readonly BoxRecord[]): Promise<readonly string[]> {
  const paths = boxes.flatMap(writablePaths);
  const resolved = await Promise.all([...new Set(paths)].map(canonical));
  return [...new Set(resolved.flatMap((path) => path ?? []))];
}

function writablePaths({ config }: BoxRecord): readonly string[] {
  try {
    const { volumes } = parseBoxOptions(config.options);
    return volumes.filter(({ readOnly }) => !readOnly).map(({ hostPath }) => hostPath);
  } catch (thrown) {
    if (!BoxliteError.isInstance(thrown)) throw thrown;
    return []; // Options that are not understood any more are of a box that cannot be started.
  }
}

async function canonical(path: string): Promise<string | undefined> {
  try {
    return await realpath(path);
  } catch {
    return undefined; // Nobody shares what is not there, or cannot be reached.
  }
}
