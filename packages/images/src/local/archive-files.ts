import { posix } from 'node:path';
import type { Digest } from '@boxlite/core';

/** Links on the way to one file of an archive; Docker makes chains of two. */
const MAX_LINKS = 8;

/** A file of an archive, copied to where no name of the archive has a say. */
export interface ArchiveFile {
  readonly path: string;
  readonly size: number;
  readonly digest: Digest;
}

/** The files of an archive by their names there. Names are keys, never paths: one that climbs names nothing. */
export class ArchiveFiles {
  private readonly files = new Map<string, ArchiveFile>();
  private readonly links = new Map<string, string>();

  /** True when there is a file of this very name. */
  has(name: string): boolean {
    return this.files.has(name) || this.links.has(name);
  }

  add(name: string, file: ArchiveFile): void {
    this.files.set(name, file);
  }

  /** @param target from the root of the archive */
  addLink(name: string, target: string): void {
    this.links.set(name, target);
  }

  /** The file behind a name, links followed; undefined when there is none. */
  find(name: string): ArchiveFile | undefined {
    let current = normalizeEntryName(name);
    for (let link = 0; link <= MAX_LINKS && current !== undefined; link += 1) {
      const file = this.files.get(current);
      if (file !== undefined) return file;
      const target = this.links.get(current);
      current = target === undefined ? undefined : normalizeEntryName(target);
    }
    return undefined;
  }
}

/** `./a//b` is `a/b`; undefined for what is absolute, climbs, or names nothing. */
export function normalizeEntryName(name: string): string | undefined {
  if (name.startsWith('/') || name.includes('\0')) return undefined;
  const normal = posix.normalize(name).replace(/\/$/, '');
  return normal === '.' || normal === '..' || normal.startsWith('../') ? undefined : normal;
}
