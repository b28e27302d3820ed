// Puts the sandbox that bench/jail/compare.mjs compares with into .cache/jail-peers: `node bench/jail/install.mjs`. Needs npm. It comes by a lock
// file of its own, without install scripts, never into the workspace.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isOnPath } from './compare/is-on-path.mjs';
import { JAIL_PEERS_CACHE } from './compare/jail-peers-cache.mjs';

const LOCKED = fileURLToPath(new URL('npm', import.meta.url));
/** Of Debian; sandbox-runtime refuses to start without them. */
const NEEDED = { bwrap: 'bubblewrap', socat: 'socat', rg: 'ripgrep' };

mkdirSync(JAIL_PEERS_CACHE, { recursive: true });
installPackages();
const missing = Object.entries(NEEDED).filter(([program]) => !isOnPath(program));
if (missing.length > 0) {
  const packages = missing.map(([, name]) => name).join(' ');
  console.error(`the comparison needs more of the system: apt-get install -y ${packages}`);
  process.exitCode = 1;
} else {
  console.log(`the sandbox to compare with is in ${JAIL_PEERS_CACHE}`);
}

/** Exactly the versions and checksums of the lock; what is there already is left alone. */
function installPackages() {
  const lock = readFileSync(join(LOCKED, 'package-lock.json'));
  const stamp = join(JAIL_PEERS_CACHE, 'installed');
  const wanted = createHash('sha256').update(lock).digest('hex');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return;
  rmSync(stamp, { force: true });
  for (const file of ['package.json', 'package-lock.json']) {
    copyFileSync(join(LOCKED, file), join(JAIL_PEERS_CACHE, file));
  }
  const quiet = ['--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  execFileSync('npm', ['ci', ...quiet], { cwd: JAIL_PEERS_CACHE, stdio: 'inherit' });
  writeFileSync(stamp, wanted);
}
