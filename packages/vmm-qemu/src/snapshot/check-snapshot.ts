import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { BoxliteError, errnoOf, type VmmSnapshot, type VmmSpec } from '@boxlite/core';
import { decodeTrailer, MAX_TRAILER_BYTES, type StateTrailer } from './state-trailer.js';

const MIB = 1024 * 1024;
/** Nothing we write is larger; a file that is would only be read to be refused. */
const MAX_STATE_FILE_BYTES = 257 * MIB;

/**
 * Looks at a snapshot before anything is spawned for it. A stream that is damaged could leave QEMU with half a machine, so its digest is looked at,
 * too; the memory, whose content only the guest would miss, by its size.
 * @throws BoxliteError `snapshot_invalid`, `details.field` naming what does not fit
 */
export async function checkSnapshot(spec: VmmSpec, from: VmmSnapshot, accelerator: string): Promise<StateTrailer> {
  const trailer = await readTrailer(from.state);
  const memoryBytes = await fileBytes(from.memory);
  if (trailer.memoryMib !== spec.memoryMib) differs('memoryMib', `${trailer.memoryMib} MiB`, `${spec.memoryMib} MiB`);
  if (memoryBytes !== spec.memoryMib * MIB) {
    throw invalid('from.memory', `its memory file has ${memoryBytes} bytes instead of ${spec.memoryMib * MIB}`);
  }
  if (trailer.vcpus !== spec.vcpus) differs('vcpus', `${trailer.vcpus} CPUs`, `${spec.vcpus}`);
  if (trailer.accelerator !== accelerator) differs('accelerator', trailer.accelerator, accelerator);
  const [was, is] = [trailer.disks, spec.disks].map((disks) =>
    disks.map(({ readOnly }) => (readOnly ? 'ro' : 'rw')).join(' '),
  );
  if (was !== is) differs('disks', `disks ${was}`, `${is}`);
  return trailer;
}

async function readTrailer(path: string): Promise<StateTrailer> {
  await using file = await openRegular('from.state', path);
  const { size } = await file.stat();
  if (size > MAX_STATE_FILE_BYTES) throw invalid('from.state', `its state has ${size} bytes`);
  const tail = Buffer.alloc(Math.min(size, MAX_TRAILER_BYTES));
  await readAt(file, tail, size - tail.length);
  const trailer = decodeTrailer(tail, size);
  const hash = createHash('sha256');
  const chunk = Buffer.alloc(Math.min(trailer.stateBytes, MIB));
  for (let position = 0; position < trailer.stateBytes; position += chunk.length) {
    const part = chunk.subarray(0, Math.min(chunk.length, trailer.stateBytes - position));
    await readAt(file, part, position);
    hash.update(part);
  }
  if (hash.digest('hex') !== trailer.sha256) throw invalid('from.state', 'its state is damaged');
  return trailer;
}

async function fileBytes(path: string): Promise<number> {
  await using file = await openRegular('from.memory', path);
  return (await file.stat()).size;
}

async function openRegular(field: string, path: string): Promise<FileHandle> {
  try {
    const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    if ((await file.stat()).isFile()) return file;
    await file.close();
  } catch (thrown) {
    throw invalid(field, `${path} cannot be opened (${errnoOf(thrown) ?? String(thrown)})`, thrown);
  }
  throw invalid(field, `${path} is no regular file`);
}

async function readAt(file: FileHandle, into: Buffer, position: number): Promise<void> {
  for (let done = 0; done < into.length; ) {
    const { bytesRead } = await file.read(into, done, into.length - done, position + done);
    if (bytesRead === 0) throw invalid('from.state', 'its state became shorter while it was read');
    done += bytesRead;
  }
}

function differs(field: string, was: string, is: string): never {
  throw invalid(field, `it was made of a machine with ${was}, this one has ${is}`);
}

/** A snapshot that no machine of this spec can go on from. */
export function invalid(field: string, why: string, cause?: unknown): BoxliteError {
  return new BoxliteError('snapshot_invalid', `the snapshot cannot be used: ${why}`, {
    hint: 'boot the machine, or make the snapshot again',
    cause,
    details: { field },
  });
}
