import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { TARGETS } from './target.mjs';

const STAGING = /^\.building-(\d+)-/;

/** `$XDG_CACHE_HOME/boxlite/kernel`, or below `~/.cache`; a relative XDG_CACHE_HOME does not count, as its specification says. */
export function kernelCacheDirectory(environment = process.env, home = homedir()) {
  const base = environment.XDG_CACHE_HOME ?? '';
  return join(isAbsolute(base) ? base : join(home, '.cache'), 'boxlite', 'kernel');
}

/** The kernel of these inputs, if it was built: entries appear by rename, so one that is there is whole. */
export function cachedEntry(cache, key) {
  const directory = join(cache, key);
  if (!existsSync(join(directory, 'kernel.json'))) return undefined;
  const manifest = JSON.parse(readFileSync(join(directory, 'kernel.json'), 'utf8'));
  const size = statSync(join(directory, manifest.file), { throwIfNoEntry: false })?.size;
  return size === manifest.size ? { directory, manifest } : undefined;
}

/** The link that names the kernel the last call asked for. */
const latestLink = (cache, target) => join(cache, `latest-${TARGETS[target].architecture}`);

/** The kernel the last call asked for, looked up without compiler or source. */
export function latestEntry(cache, target) {
  try {
    const key = readlinkSync(latestLink(cache, target));
    return /^[0-9a-f]{64}$/.test(key) ? cachedEntry(cache, key) : undefined;
  } catch (thrown) {
    // Nothing was built yet, or somebody put something else there, which the next build replaces.
    if (thrown.code === 'ENOENT' || thrown.code === 'EINVAL') return undefined;
    throw thrown;
  }
}

/** Makes `key` the one {@link latestEntry} finds. */
export function setLatest(cache, target, key) {
  const staged = `${latestLink(cache, target)}.${process.pid}`;
  rmSync(staged, { force: true });
  symlinkSync(key, staged);
  renameSync(staged, latestLink(cache, target));
}

/**
 * Puts a finished directory into the cache. Of two builds of the same inputs the first stays.
 * @returns the entry that is there then
 */
export function installEntry(cache, key, staged) {
  const directory = join(cache, key);
  if (cachedEntry(cache, key) === undefined) {
    rmSync(directory, { recursive: true, force: true });
    renameSync(staged, directory);
  }
  return cachedEntry(cache, key);
}

/**
 * A directory for one build, and what builds left behind whose process was killed is removed.
 * @returns {string}
 */
export function makeStaging(cache, key) {
  mkdirSync(cache, { recursive: true, mode: 0o700 });
  for (const name of readdirSync(cache)) {
    const [, pid] = STAGING.exec(name) ?? [];
    if (pid !== undefined && !isAlive(Number(pid))) rmSync(join(cache, name), { recursive: true, force: true });
  }
  const staging = join(cache, `.building-${process.pid}-${key.slice(0, 12)}`);
  rmSync(staging, { recursive: true, force: true });
  mkdirSync(staging, { mode: 0o700 });
  return staging;
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (thrown) {
    return thrown.code === 'EPERM';
  }
}
