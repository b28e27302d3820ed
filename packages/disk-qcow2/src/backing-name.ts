import { dirname, isAbsolute } from 'node:path';
import { diskInvalid, invalidArgument, quoted } from './disk-errors.js';
import { MAX_BACKING_NAME_BYTES } from './limits.js';

// A name with a control character is no accident, and would be ambiguous in every log and list.
const CONTROL = /[\u0000-\u001f\u007f]/;

/** QEMU reads `nbd:…`, `json:{…}`, `fat:…` as protocols: everything with a colon before the first slash. */
function hasProtocol(name: string): boolean {
  const colon = name.indexOf(':');
  const slash = name.indexOf('/');
  return colon !== -1 && (slash === -1 || colon < slash);
}

/**
 * Reads a backing file's name, tolerating whatever still is the name of one file: a disk whose chain garbage collection
 * must follow may be odd, but a name that is not one path must not be guessed at.
 * @param path the overlay, for messages
 * @throws BoxliteError `disk_invalid` (field `backing_file`)
 */
export function decodeBackingName(bytes: Uint8Array, path: string): string {
  let name: string;
  try {
    name = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw diskInvalid(path, 'backing_file', 'the name is not UTF-8', cause);
  }
  if (name.includes('\0')) throw diskInvalid(path, 'backing_file', `${quoted(name)} contains a NUL byte`);
  if (hasProtocol(name)) {
    throw diskInvalid(path, 'backing_file', `${quoted(name)} names a protocol, only files are backing files`);
  }
  return name;
}

/** As {@link decodeBackingName}, and refuses control characters. */
export function decodeStrictBackingName(bytes: Uint8Array, path: string): string {
  const name = decodeBackingName(bytes, path);
  if (CONTROL.test(name)) throw diskInvalid(path, 'backing_file', `${quoted(name)} contains control characters`);
  return name;
}

/**
 * The bytes of a base's path as a header holds them.
 * @throws BoxliteError `invalid_argument` (field `base.path`) when the format or the strict reader would refuse it
 */
export function encodeBackingName(basePath: string): Buffer {
  const bytes = Buffer.from(basePath, 'utf8');
  if (bytes.length > MAX_BACKING_NAME_BYTES) {
    throw invalidArgument(
      'base.path',
      `base ${quoted(basePath)}: its path has ${bytes.length} bytes, a qcow2 header holds ${MAX_BACKING_NAME_BYTES}`,
      'use a shorter home directory (BOXLITE_HOME)',
    );
  }
  if (CONTROL.test(basePath) || bytes.toString('utf8') !== basePath) {
    throw invalidArgument(
      'base.path',
      `base ${quoted(basePath)}: its path contains control characters or is not valid Unicode`,
      'rename the file or its directory',
    );
  }
  return bytes;
}

/**
 * Where a backing file's name leads: relative ones start at the overlay's directory. `..` is left for the kernel to resolve, as
 * QEMU does: taking it off here would go elsewhere below a symbolic link.
 */
export function resolveBackingName(overlayPath: string, name: string): string {
  return isAbsolute(name) ? name : `${dirname(overlayPath)}/${name}`;
}
