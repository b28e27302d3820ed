import { createHash } from 'node:crypto';
import { BoxliteError } from '@boxlite/core';
import { crc32c } from './crc32c.js';

/** What tells one file system from another. Derived from the content, so that the same layers give the same bytes. */
export interface FileSystemIdentity {
  readonly uuid: Uint8Array;
  readonly hashSeed: readonly [number, number, number, number];
  /** At most 16 bytes. */
  readonly label: string;
  /** Start value of all metadata checksums. */
  readonly checksumSeed: number;
}

/**
 * @param source any text that names the content
 * @param label volume label, at most 16 bytes of UTF-8
 * @throws BoxliteError `invalid_argument` for a longer label
 */
export function deriveIdentity(source: string, label = ''): FileSystemIdentity {
  if (Buffer.byteLength(label) > 16 || label.includes('\0')) {
    throw new BoxliteError('invalid_argument', `volume label ${JSON.stringify(label)} is too long`, {
      hint: 'ext4 labels have at most 16 bytes',
      details: { field: 'label' },
    });
  }
  const hash = createHash('sha256').update('boxlite ext4 identity\0').update(source).digest();
  const uuid = Uint8Array.from(hash.subarray(0, 16));
  // Version 8 ("custom") and variant bits of RFC 9562.
  uuid[6] = ((uuid[6] as number) & 0x0f) | 0x80;
  uuid[8] = ((uuid[8] as number) & 0x3f) | 0x80;
  return {
    uuid,
    hashSeed: [hash.readUInt32LE(16), hash.readUInt32LE(20), hash.readUInt32LE(24), hash.readUInt32LE(28)],
    label,
    checksumSeed: crc32c(0xffffffff, uuid),
  };
}
