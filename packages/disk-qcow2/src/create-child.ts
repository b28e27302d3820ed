import { ftruncateSync, writeSync } from 'node:fs';
import { BoxliteError, type DiskBase, type DiskLayer } from '@boxlite/core';
import { encodeBackingName } from './backing-name.js';
import { diskChainInvalid, invalidArgument, quoted } from './disk-errors.js';
import { encodeChild } from './encode-child.js';
import { installDisk, type Staging } from './install-disk.js';
import { MAX_CHAIN_DEPTH, MAX_VIRTUAL_BYTES, SECTOR_BYTES } from './limits.js';
import { requireAbsolutePath } from './disk-file.js';
import { describeLayer, withChain } from './read-chain.js';

/**
 * Writes a new overlay of `base` at `path`.
 * @param virtualSize bytes; default and minimum: the size of the base
 * @throws BoxliteError `invalid_argument` (fields `path`, `base.path`, `virtualSize`), `disk_invalid` and `disk_chain_invalid` for the
 * base, and what `installDisk` throws
 */
export async function createChild(
  path: string,
  base: DiskBase,
  virtualSize: number | undefined,
  staging: Staging,
): Promise<DiskLayer> {
  requireAbsolutePath(path, 'path');
  requireAbsolutePath(base.path, 'base.path');
  const name = encodeBackingName(base.path);
  const baseSize = await sizeOfBase(base);
  const size = virtualSize ?? baseSize;
  requireVirtualSize(size, baseSize, `base ${quoted(base.path)}`);
  const { segments, fileBytes } = encodeChild(size, { name, format: base.format });
  // A few pages into the page cache: as quick as asking another thread to do it once.
  await installDisk(path, staging, async ({ fd }) => {
    ftruncateSync(fd, fileBytes);
    for (const { offset, bytes } of segments) writeFully(fd, offset, bytes);
  });
  return { path, format: 'qcow2', virtualSize: size };
}

function writeFully(fd: number, offset: number, bytes: Uint8Array): void {
  for (let written = 0; written < bytes.length; ) {
    written += writeSync(fd, bytes, written, bytes.length - written, offset + written);
  }
}

/** The virtual size of a base a child may be made over. */
async function sizeOfBase(base: DiskBase): Promise<number> {
  let layers: readonly DiskLayer[];
  try {
    layers = await withChain(base.path, base.format, async (open) => open.map(describeLayer));
  } catch (thrown) {
    if (!BoxliteError.isInstance(thrown, 'not_found')) throw thrown;
    throw new BoxliteError('not_found', `base ${quoted(base.path)} does not exist`, {
      hint: 'a child needs an existing base; check its path',
      details: { path: base.path, field: 'base.path' },
      cause: thrown,
    });
  }
  if (layers.length === MAX_CHAIN_DEPTH) {
    throw diskChainInvalid(base.path, `it has ${MAX_CHAIN_DEPTH} files already, a child would make it too deep`, {
      hint: 'flatten the base into a standalone disk, and make the child over that',
    });
  }
  return layers[0]?.virtualSize ?? 0;
}

/**
 * @param minimum bytes
 * @param owner whose size the minimum is, for the message
 * @throws BoxliteError `invalid_argument` (field `virtualSize`)
 */
export function requireVirtualSize(size: number, minimum: number, owner: string): void {
  const field = 'virtualSize';
  if (!Number.isSafeInteger(size) || size <= 0 || size % SECTOR_BYTES !== 0 || size > MAX_VIRTUAL_BYTES) {
    throw invalidArgument(
      field,
      `virtualSize ${size} is not a multiple of ${SECTOR_BYTES} bytes up to ${MAX_VIRTUAL_BYTES}`,
      'give whole sectors, in bytes',
    );
  }
  if (size < minimum) {
    throw invalidArgument(
      field,
      `virtualSize ${size} is smaller than the ${minimum} bytes of ${owner}: disks never shrink`,
      `ask for at least ${minimum} bytes`,
    );
  }
}
