import { ftruncateSync, writeSync } from 'node:fs';
import { BoxliteError, type DiskBase, type DiskLayer } from '@boxlite/core';
import { encodeBackingName } from './backing-name.js';
import type { DiskContext } from './disk-context.js';
import { diskChainInvalid, invalidArgument, quoted } from './disk-errors.js';
import { requireAbsolutePath } from './disk-file.js';
import { encodeChild } from './encode-child.js';
import { installDisk } from './install-disk.js';
import { MAX_CHAIN_DEPTH, MAX_VIRTUAL_BYTES, SECTOR_BYTES } from './limits.js';
import { describeLayer, withChain } from './read-chain.js';

/**
 * Writes a new overlay of `base` at `path`.
 * @param virtualSize bytes; default and minimum: the size of the base
 * @throws BoxliteError `invalid_argument` (fields `path`, `base.path`, `virtualSize`), `disk_invalid` and `disk_chain_invalid` for the
 * base, which is also what one is that the context does not allow, and what `installDisk` throws
 */
export async function createChild(
  path: string,
  base: DiskBase,
  virtualSize: number | undefined,
  context: DiskContext,
): Promise<DiskLayer> {
  requireAbsolutePath(path, 'path');
  const name = nameOfBase(base);
  const [{ virtualSize: baseSize }] = await examineBase(base, context);
  const size = virtualSize ?? baseSize;
  requireVirtualSize(size, baseSize, `base ${quoted(base.path)}`);
  await installDisk(path, context, async (fd) => writeChild(fd, size, name, base.format));
  return { path, format: 'qcow2', virtualSize: size };
}

/** @throws BoxliteError `invalid_argument` (field `base.path`) */
export function nameOfBase(base: DiskBase): Buffer {
  requireAbsolutePath(base.path, 'base.path');
  return encodeBackingName(base.path);
}

/** A few pages into the page cache: as quick as asking another thread to do it once. */
export function writeChild(fd: number, size: number, name: Uint8Array, format: DiskBase['format']): void {
  const { segments, fileBytes } = encodeChild(size, { name, format });
  ftruncateSync(fd, fileBytes);
  for (const { offset, bytes } of segments) {
    for (let written = 0; written < bytes.length; ) {
      written += writeSync(fd, bytes, written, bytes.length - written, offset + written);
    }
  }
}

/**
 * The files of a base that a child may be made over, the base first.
 * @throws BoxliteError as {@link createChild} does
 */
export async function examineBase(
  base: DiskBase,
  { guard }: DiskContext,
): Promise<readonly [DiskLayer, ...(readonly DiskLayer[])]> {
  let layers: readonly DiskLayer[];
  try {
    guard?.requireAllowed(base.path);
    layers = await withChain(base.path, base.format, async (open) => open.map(describeLayer), { guard });
  } catch (thrown) {
    if (!BoxliteError.isInstance(thrown, 'not_found')) throw thrown;
    throw new BoxliteError('not_found', `base ${quoted(base.path)} does not exist`, {
      hint: 'a child needs an existing base; check its path',
      details: { path: base.path, field: 'base.path' },
      cause: thrown,
    });
  }
  const [top, ...below] = layers;
  if (top === undefined || layers.length === MAX_CHAIN_DEPTH) {
    throw diskChainInvalid(base.path, `it has ${MAX_CHAIN_DEPTH} files already, a child would make it too deep`, {
      hint: 'flatten the base into a standalone disk, and make the child over that',
    });
  }
  return [top, ...below];
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
