import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { mergeFragments } from './config.mjs';
import { SOURCE_PACKAGE, SOURCE_TARBALL } from './obstacles.mjs';
import { crossPrefix, FRAGMENTS, fragmentNames, PATCHES } from './target.mjs';

/** Raised when the steps of the build change what comes out of it. */
const RECIPE_VERSION = 1;

/**
 * Everything the kernel's bytes depend on, and their hash, which is its name in the cache.
 * @param {string} target
 * @param {AbortSignal} [signal]
 */
export async function buildInputs(target, signal) {
  const prefix = crossPrefix(target);
  const config = mergeFragments(
    fragmentNames(target).map((name) => ({ name, text: readFileSync(join(FRAGMENTS, name), 'utf8') })),
  );
  const patches = patchFiles();
  const inputs = {
    recipe: RECIPE_VERSION,
    target,
    sourceVersion: output('dpkg-query', ['-W', '-f', '${Version}', SOURCE_PACKAGE]),
    sourceSha256: await sha256OfFile(SOURCE_TARBALL, signal),
    configSha256: sha256(config),
    patchesSha256: sha256(patches.map(({ name, text }) => `${name}\0${text}\0`).join('')),
    compiler: firstLine(output(`${prefix}gcc`, ['--version'])),
    linker: firstLine(output(`${prefix}ld`, ['--version'])),
  };
  return { key: cacheKey(inputs), inputs, config, patches: patches.map(({ path }) => path) };
}

/** @param {object} inputs @returns {string} 64 hexadecimal digits; the order of the members does not count */
export function cacheKey(inputs) {
  return sha256(JSON.stringify(Object.entries(inputs).sort(([a], [b]) => (a < b ? -1 : 1))));
}

function patchFiles() {
  return readdirSync(PATCHES)
    .filter((name) => name.endsWith('.patch'))
    .sort()
    .map((name) => ({ name, path: join(PATCHES, name), text: readFileSync(join(PATCHES, name), 'utf8') }));
}

export function sha256(data) {
  return createHash('sha256').update(data).digest('hex');
}

export async function sha256OfFile(path, signal) {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path, { highWaterMark: 1024 * 1024 }), hash, { signal });
  return hash.digest('hex');
}

function output(program, args) {
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    encoding: 'utf8',
    env: { ...process.env, LC_ALL: 'C' },
  });
  if (status !== 0) throw new Error(`${program} ${args.join(' ')} failed: ${error?.message ?? stderr.trim()}`);
  return stdout.trim();
}

function firstLine(text) {
  return text.split('\n', 1)[0];
}
