import { BoxliteError } from '@boxlite/core';
import { invalidLayer, type TarEntry } from '../tar/tar-entry.js';
import type { ByteString } from '../tree/image-node.js';
import type { Xattrs } from '../tree/xattr-table.js';
import { type LayerLimits, limitExceeded } from './layer-limits.js';

/** Whole sets up to this size are shared by the files that carry the same. */
const MAX_SHARED_BYTES = 1024;
const MAX_SHARED_SETS = 256;

/**
 * Turns the attributes of entries into what the tree keeps: those Linux has for that kind of file, checked. Files of an image mostly
 * carry the same few sets, such as a label or a capability: equal ones are judged once and become the same object.
 */
export class EntryXattrs {
  readonly #limits: LayerLimits;
  readonly #check: (xattrs: Xattrs) => void;
  readonly #shared = new Map<string, Xattrs>();

  /** @param check throws a BoxliteError for attributes the disk cannot store */
  constructor(limits: LayerLimits, check: (xattrs: Xattrs) => void) {
    this.#limits = limits;
    this.#check = check;
  }

  /** @throws BoxliteError `resource_exhausted`, `layer_invalid` (details name the entry) */
  keep(entry: TarEntry): Xattrs | undefined {
    if (entry.xattrs === undefined) return undefined;
    const bytes = this.#measure(entry, entry.xattrs);
    const found = new Map([...entry.xattrs].filter(([name]) => isSupported(name, entry.type)));
    if (found.size === 0) return undefined;
    const key = bytes <= MAX_SHARED_BYTES ? keyOf(found) : undefined;
    const shared = key === undefined ? undefined : this.#shared.get(key);
    if (shared !== undefined) return shared;
    this.#judge(entry, found);
    if (key === undefined) return found;
    // In memory of their own: those of an entry are views into its whole extended header.
    const kept: Xattrs = new Map([...found].map(([name, value]) => [detached(name), Uint8Array.from(value)]));
    this.#share(key, kept);
    return kept;
  }

  /** Everything the entry brings counts, also what is dropped afterwards. */
  #measure(entry: TarEntry, xattrs: Xattrs): number {
    const { maxXattrNames, maxXattrBytes } = this.#limits;
    if (xattrs.size > maxXattrNames) {
      const reason = `it has more than ${maxXattrNames} extended attributes`;
      throw limitExceeded('maxXattrNames', maxXattrNames, reason, entry.name);
    }
    let bytes = 0;
    for (const [name, value] of xattrs) bytes += name.length + value.length;
    if (bytes > maxXattrBytes) {
      const reason = `its extended attributes have more than ${maxXattrBytes} bytes`;
      throw limitExceeded('maxXattrBytes', maxXattrBytes, reason, entry.name);
    }
    return bytes;
  }

  #judge(entry: TarEntry, xattrs: Xattrs): void {
    try {
      this.#check(xattrs);
    } catch (thrown) {
      if (!BoxliteError.isInstance(thrown)) throw thrown;
      throw invalidLayer(thrown.message, entry.name, 'xattrs', thrown);
    }
  }

  #share(key: string, xattrs: Xattrs): void {
    if (this.#shared.size >= MAX_SHARED_SETS) {
      const [oldest] = this.#shared.keys();
      if (oldest !== undefined) this.#shared.delete(oldest);
    }
    this.#shared.set(key, xattrs);
  }
}

/**
 * Whether Linux has such an attribute for such a file (fs/xattr.c): the `user.` ones belong to files and directories only, access control
 * lists not to symlinks. Others, as macOS writes them, are left out, as other tools do.
 */
function isSupported(name: ByteString, type: TarEntry['type']): boolean {
  if (name.startsWith('user.')) return type === 'file' || type === 'directory';
  if (name === 'system.posix_acl_access') return type !== 'symlink';
  if (name === 'system.posix_acl_default') return type === 'directory';
  return name.startsWith('security.') || name.startsWith('trusted.');
}

function keyOf(xattrs: Xattrs): string {
  let key = '';
  for (const [name, value] of xattrs) {
    key += `${name.length}:${name}${value.length}:${Buffer.from(value.buffer, value.byteOffset, value.length).toString('latin1')}`;
  }
  return key;
}

/** A copy: V8 lets a part of a text refer to the whole, here a name to the record it came in. */
function detached(text: ByteString): ByteString {
  return Buffer.from(text, 'latin1').toString('latin1');
}
