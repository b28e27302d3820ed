#!/usr/bin/env node
// Builds BoxLite's guest kernel into the cache of the user, or finds it there.
//   npm run build:kernel -- [--target linux-x64|linux-arm64] [--if-missing] [--out DIR] [--jobs N] [--json]
// Last line on stdout: the directory with the kernel, its `config` and `kernel.json`. Progress on stderr.
// Ends with 0; 2 wrong option; 3 Debian packages missing; 130 cancelled; 1 anything else.
import { copyFileSync, mkdirSync, readdirSync, renameSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { buildKernel, cachedKernel, hostTarget, MissingPackagesError, TARGETS } from './index.mjs';

const STATUS_USAGE = 2;
const STATUS_PACKAGES = 3;
const STATUS_CANCELLED = 130;

const options = readOptions();
const cancel = new AbortController();
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(name, () => cancel.abort(new Error(`cancelled by ${name}`)));
}
try {
  const begin = Date.now();
  const known = options.ifMissing ? cachedKernel(options.target) : undefined;
  const kernel = known ?? (await buildKernel(options.target, { report, signal: cancel.signal, jobs: options.jobs }));
  report(`${kernel.manifest.release} for ${options.target}: ${kernel.directory}`);
  const directory = options.out === undefined ? kernel.directory : copyTo(kernel.directory, options.out);
  console.log(options.json ? JSON.stringify({ directory, manifest: kernel.manifest }) : directory);

  /** @param {string} words */
  function report(words) {
    console.error(`kernel: ${words} (${((Date.now() - begin) / 1000).toFixed(1)} s)`);
  }
} catch (thrown) {
  console.error(`kernel: ${thrown.message}`);
  if (thrown instanceof MissingPackagesError) {
    console.error(`install them: sudo apt-get install ${thrown.packages.join(' ')}`);
    process.exitCode = STATUS_PACKAGES;
  } else process.exitCode = cancel.signal.aborted ? STATUS_CANCELLED : 1;
}

function readOptions() {
  try {
    const { values } = parseArgs({
      options: {
        target: { type: 'string' },
        'if-missing': { type: 'boolean', default: false },
        out: { type: 'string' },
        jobs: { type: 'string' },
        json: { type: 'boolean', default: false },
      },
    });
    const target = values.target ?? hostTarget();
    if (target === undefined || !Object.hasOwn(TARGETS, target)) {
      throw new Error(`--target ${target} is none of ${Object.keys(TARGETS).join(', ')}`);
    }
    const jobs = values.jobs === undefined ? undefined : Number(values.jobs);
    if (jobs !== undefined && !(Number.isInteger(jobs) && jobs > 0)) throw new Error('--jobs is no positive number');
    return { target, ifMissing: values['if-missing'], out: values.out, json: values.json, jobs };
  } catch (thrown) {
    console.error(`build-kernel: ${thrown.message}`);
    process.exit(STATUS_USAGE);
  }
}

/** Copies beside, then renames: whoever reads the directory meanwhile sees whole files. */
function copyTo(from, out) {
  const directory = resolve(out);
  mkdirSync(directory, { recursive: true });
  for (const name of readdirSync(from)) {
    const staged = join(directory, `.${name}.${process.pid}`);
    copyFileSync(join(from, name), staged);
    renameSync(staged, join(directory, name));
  }
  return directory;
}
