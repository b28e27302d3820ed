import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Where what we compare with is installed; git does not see it. */
export const JAIL_PEERS_CACHE =
  process.env.BOXLITE_BENCH_JAIL_PEERS ?? fileURLToPath(new URL('../../../.cache/jail-peers', import.meta.url));

/** The installed package, or undefined. */
export function sandboxRuntimeDirectory() {
  const directory = join(JAIL_PEERS_CACHE, 'node_modules/@anthropic-ai/sandbox-runtime');
  return existsSync(join(directory, 'dist/index.js')) ? directory : undefined;
}
