#!/usr/bin/env node
// Converts made-up images until one shows a bug: node test/fuzz/fuzz.mjs [--seed 1] [--count 100000] [--dir /dev/shm]
import { fork } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

/** A case that takes longer hangs. */
const MAX_SILENCE_MS = 60_000;
const MAX_MEMORY_MIB = 1024;

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    count: { type: 'string', default: '100000' },
    dir: { type: 'string', default: existsSync('/dev/shm') ? '/dev/shm' : tmpdir() },
  },
});
const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const requireHere = createRequire(import.meta.url);
const work = mkdtempSync(join(tmpdir(), 'boxlite-fuzz-'));
const program = join(work, 'fuzz-process.mjs');
await createRequire(requireHere.resolve('tsup'))('esbuild').build({
  entryPoints: [here('fuzz-process.ts')],
  outfile: program,
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node20',
  // tar-stream is CommonJS and asks for modules of Node.js.
  banner: { js: "import { createRequire } from 'node:module';const require = createRequire(import.meta.url);" },
  alias: {
    '@boxlite/core': here('../../../core/src/index.ts'),
    '@boxlite/layout': here('../../../layout/src/index.ts'),
  },
});

const started = Date.now();
const child = fork(program, [values.seed, values.count, values.dir]);
let last = values.seed;
let outcome;
const hang = setTimeout(() => {
  console.error(`fuzz seed ${last}: hangs`);
  child.kill('SIGKILL');
}, MAX_SILENCE_MS);
child.on('message', (message) => {
  hang.refresh();
  if (message.seed === undefined) outcome = message;
  else last = message.seed;
});
child.on('exit', (code, signal) => {
  clearTimeout(hang);
  rmSync(work, { recursive: true, force: true });
  const seconds = Math.round((Date.now() - started) / 1000);
  if (code !== 0 || outcome === undefined) {
    console.error(`stopped at seed ${last} after ${seconds} s (${signal ?? code})`);
    process.exitCode = 1;
    return;
  }
  console.log(`${values.count} cases from seed ${values.seed} in ${seconds} s, peak of memory ${outcome.peakMib} MiB`);
  console.log(`${outcome.built} disks, ${outcome.refused} refused:`);
  for (const [reason, count] of Object.entries(outcome.reasons).sort((a, b) => b[1] - a[1]))
    console.log(`  ${count} ${reason}`);
  if (outcome.peakMib > MAX_MEMORY_MIB) {
    console.error(`memory grew beyond ${MAX_MEMORY_MIB} MiB`);
    process.exitCode = 1;
  }
});
