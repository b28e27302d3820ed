import {
  copyFileSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { basename, dirname, isAbsolute, join } from 'node:path';

const MIB = 1024 * 1024;
/** A kernel has 20 MiB; what is far larger is none, and is not carried. */
const MAX_KERNEL_BYTES = 64 * MIB;
const MAX_MANIFEST_BYTES = 65_536;
/** A host that runs may read the one before; after this time none does. */
const KEPT_MS = 24 * 60 * 60 * 1000;

/**
 * Puts BoxLite's own kernel of this machine where the host sees it, so that boxes there boot what boxes here do: in the checkout's `.cache`, linked where that
 * can be, with the modes an ordinary user of the host needs.
 * @param {{ checkout: string, environment?: Record<string, string | undefined>, say?: (line: string) => void }} options the kernel is looked for as boxes do
 *   it: `BOXLITE_KERNEL_DIR`, else the build that `latest-x86_64` names in the user's cache
 * @returns {Record<string, string>} the environment that names it in the host; empty where there is none, which is told
 * @throws Error when `BOXLITE_KERNEL_DIR` names a directory that has no kernel
 */
export function carriedKernel({ checkout, environment = process.env, say = console.error }) {
  const { BOXLITE_KERNEL_DIR: chosen = '' } = environment;
  const source = chosen === '' ? lastBuild(environment) : chosen;
  let kernel;
  try {
    kernel = readKernel(source);
  } catch (cause) {
    const why = `no kernel of BoxLite's own comes into the host: ${cause.message}`;
    if (chosen !== '') throw new Error(`BOXLITE_KERNEL_DIR: ${why}`, { cause });
    say(`kvm-host: ${why}`);
    return {};
  }
  return { BOXLITE_KERNEL_DIR: carry(kernel, join(checkout, '.cache/kvm-host-kernel')) };
}

/** As `@boxlite/guest-kernel` finds it, which is not built yet where the host is only to run a command. */
function lastBuild({ XDG_CACHE_HOME: cache, HOME: home = homedir() }) {
  const root = cache !== undefined && isAbsolute(cache) ? cache : join(home, '.cache');
  return join(root, 'boxlite/kernel/latest-x86_64');
}

/** @throws Error saying what is missing or wrong */
function readKernel(source) {
  const directory = realpathSync(source);
  const manifestPath = join(directory, 'kernel.json');
  if (statSync(manifestPath).size > MAX_MANIFEST_BYTES) throw new Error(`${manifestPath} is too large`);
  const manifest = readFileSync(manifestPath, 'utf8');
  const { file, size, sha256 } = JSON.parse(manifest);
  if (typeof file !== 'string' || file !== basename(file) || !/^[0-9a-f]{64}$/.test(sha256))
    throw new Error(`${manifestPath} does not name a kernel`);
  const path = join(directory, file);
  const found = statSync(path);
  if (!found.isFile() || found.size !== size || size > MAX_KERNEL_BYTES)
    throw new Error(
      `${path} has ${found.size} bytes, where ${size} are expected and at most ${MAX_KERNEL_BYTES} are carried`,
    );
  return { manifest, file, path, size, name: sha256 };
}

/** Made beside its place and renamed: several runs may do so at once. */
function carry({ manifest, file, path, size, name }, place) {
  const target = join(place, name);
  if (!isCarried(target, { manifest, file, size })) {
    mkdirSync(place, { recursive: true, mode: 0o755 });
    const staged = mkdtempSync(join(place, '.staged-'));
    try {
      const whole = join(staged, 'kernel');
      mkdirSync(whole, { mode: 0o755 });
      writeFileSync(join(whole, 'kernel.json'), manifest, { mode: 0o644 });
      linkOrCopy(path, join(whole, file));
      rmSync(target, { recursive: true, force: true });
      renameSync(whole, target);
    } catch (cause) {
      // Somebody else was quicker: the same name is the same kernel.
      if (!isCarried(target, { manifest, file, size })) throw cause;
    } finally {
      rmSync(staged, { recursive: true, force: true });
    }
  }
  removeOld(place, name);
  return target;
}

function isCarried(target, { manifest, file, size }) {
  try {
    return readFileSync(join(target, 'kernel.json'), 'utf8') === manifest && statSync(join(target, file)).size === size;
  } catch {
    return false; // Not there, or half of it is: it is made anew.
  }
}

/** A link takes no room, but cannot be had over two file systems, nor where the build may not be read by all. */
function linkOrCopy(from, to) {
  if ((statSync(from).mode & 0o444) === 0o444 && statSync(from).dev === statSync(dirname(to)).dev)
    return linkSync(from, to);
  copyFileSync(from, to);
}

function removeOld(place, current) {
  const before = Date.now() - KEPT_MS;
  for (const name of readdirSync(place)) {
    const path = join(place, name);
    if (name !== current && statSync(path, { throwIfNoEntry: false })?.mtimeMs < before)
      rmSync(path, { recursive: true, force: true });
  }
}
