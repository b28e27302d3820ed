import { cpSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { startRegistry } from './local-registry.mjs';
import { PEERS_CACHE } from './peers-cache.mjs';

/** A registry of the images that `install.mjs` has put into the cache. It writes beside its blobs, so it works on a copy. */
export function serveImages(directory) {
  const storage = join(directory, 'registry');
  mkdirSync(storage);
  cpSync(join(PEERS_CACHE, 'registry'), storage, { recursive: true });
  return startRegistry({ storage, directory });
}
