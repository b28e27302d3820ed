import { BoxliteError } from '@boxlite/core';

/** What a machine that goes on from a state must have in common with the one that was captured. QEMU itself only notices some of it. */
export interface MachineShape {
  /** Such as `7.2.22`. */
  readonly qemu: string;
  readonly accelerator: string;
  readonly vcpus: number;
  readonly memoryMib: number;
  /** In their order. */
  readonly disks: readonly DiskShape[];
}

export interface DiskShape {
  readonly readOnly: boolean;
  /** What the guest saw of it. */
  readonly bytes: number;
}

/** What lies behind QEMU's stream in a state file; QEMU stops reading before it. */
export interface StateTrailer extends MachineShape {
  /** Length of the stream. */
  readonly stateBytes: number;
  /** Of the stream, hexadecimal. */
  readonly sha256: string;
}

/** The file's last bytes: the length of the JSON text before them, and this. */
const MAGIC = Buffer.from('boxlite1', 'latin1');
/** The length, and the magic. */
export const TRAILER_END_BYTES = 4 + MAGIC.length;
/** Six disks take 600 bytes. */
export const MAX_TRAILER_BYTES = 4096;

export function encodeTrailer(trailer: StateTrailer): Buffer {
  const text = Buffer.from(JSON.stringify(trailer));
  const length = Buffer.alloc(4);
  length.writeUInt32BE(text.length);
  return Buffer.concat([text, length, MAGIC]);
}

/**
 * @param tail the last bytes of a file, up to {@link MAX_TRAILER_BYTES}
 * @param fileBytes length of the file
 * @throws BoxliteError `snapshot_invalid` when there is no trailer, or it does not fit to the file
 */
export function decodeTrailer(tail: Buffer, fileBytes: number): StateTrailer {
  const end = tail.length - TRAILER_END_BYTES;
  if (end < 0 || !tail.subarray(end + 4).equals(MAGIC)) throw cutShort();
  const start = end - tail.readUInt32BE(end);
  if (start < 0) throw cutShort();
  let parsed: unknown;
  try {
    parsed = JSON.parse(tail.toString('utf8', start, end));
  } catch (thrown) {
    throw cutShort(thrown);
  }
  if (!isTrailer(parsed) || parsed.stateBytes !== fileBytes - (tail.length - start)) throw cutShort();
  return parsed;
}

function isTrailer(value: unknown): value is StateTrailer {
  if (typeof value !== 'object' || value === null) return false;
  const { qemu, accelerator, vcpus, memoryMib, disks, stateBytes, sha256 } = value as Record<string, unknown>;
  return (
    [qemu, accelerator, sha256].every((text) => typeof text === 'string') &&
    [vcpus, memoryMib, stateBytes].every((number) => Number.isSafeInteger(number)) &&
    Array.isArray(disks) &&
    disks.every((disk) => typeof disk?.readOnly === 'boolean' && Number.isSafeInteger(disk.bytes))
  );
}

function cutShort(cause?: unknown): BoxliteError {
  return new BoxliteError('snapshot_invalid', 'the state is none of a QEMU machine, or cut short', {
    hint: 'make the snapshot again',
    cause,
    details: { field: 'from.state' },
  });
}
