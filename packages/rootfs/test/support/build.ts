import { join } from 'node:path';
import { buildImageDisk, type ConversionOptions, type ConvertedDisk } from '../../src/index.js';
import { temporaryDirectory } from './host.js';
import { type TarEntrySpec, writeTar } from './write-tar.js';

/** A stream of the given bytes in pieces of a given size. */
export async function* streamOf(bytes: Buffer, pieceBytes = 65_536): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes);
}

/** Builds a disk from layers given as lists of entries or whole archives; 64 MiB unless told otherwise. */
export async function buildDisk(
  layers: readonly (readonly TarEntrySpec[] | Buffer)[],
  options: Partial<ConversionOptions> = {},
): Promise<ConvertedDisk & { path: string }> {
  const target = options.target ?? join(await temporaryDirectory(), 'disk.ext4');
  const disk = await buildImageDisk({
    sizeBytes: 64 * 1024 ** 2,
    ...options,
    layers: layers.map((layer) => streamOf(Buffer.isBuffer(layer) ? layer : writeTar(layer))),
    target,
  });
  return { ...disk, path: target };
}
