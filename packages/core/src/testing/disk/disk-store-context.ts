import type { DiskBase, DiskLayer, DiskStore } from '../../contracts/disk-store.js';

/** What one case of the suite works with. */
export interface DiskStoreSetup {
  readonly store: DiskStore;
  /** Absolute path of an existing, empty directory of the case's own. */
  readonly directory: string;
}

/** The same, with a base. */
export interface DiskStoreContext extends DiskStoreSetup {
  /** A raw disk that begins with {@link BASE_TEXT}. */
  readonly base: DiskBase;
  /** A path in the directory. */
  path(name: string): string;
}

export const BASE_TEXT = 'the first bytes of the base';

/** A child that shares its base's blocks below the file system and names no base: there is no chain to speak of. */
export function standsAlone(child: DiskLayer): boolean {
  return child.format === 'raw';
}
