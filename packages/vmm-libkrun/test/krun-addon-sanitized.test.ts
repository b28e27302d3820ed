import { execFile } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { compileLibkrun, compilerAbsence } from './support/compile-libkrun.js';

const run = promisify(execFile);
const sources = join(import.meta.dirname, '../native/addon');
const headers = join(dirname(dirname(process.execPath)), 'include/node');
const absence = compilerAbsence('g++');

describe.skipIf(absence !== '')(`the addon under the address and undefined-behaviour sanitizers${absence}`, () => {
  it('refuses every hostile argument without touching memory that is not its own', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'boxlite-sanitized-'));
    try {
      const addon = join(directory, 'krun.node');
      const files = (await readdir(sources)).filter((name) => name.endsWith('.cc'));
      const napi = dirname(createRequire(join(sources, 'binding.gyp')).resolve('node-addon-api'));
      const defines = ['NAPI_VERSION=8', 'NODE_ADDON_API_CPP_EXCEPTIONS', 'NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS'];
      await run('g++', [
        ...['-std=c++17', '-O0', '-fPIC', '-shared', '-Wall', '-Wextra', '-Werror'],
        ...['-fsanitize=address,undefined', '-fno-sanitize-recover=all', '-o', addon],
        ...defines.map((name) => `-D${name}`),
        ...['-isystem', headers, '-isystem', napi],
        ...files.map((name) => join(sources, name)),
      ]);
      const library = await compileLibkrun(join(directory, 'libkrun.so.1'), { hasFeature: 'return feature == 1;' });
      const runtimes = await Promise.all(
        ['libasan.so', 'libubsan.so'].map(async (name) =>
          (await run('g++', [`-print-file-name=${name}`])).stdout.trim(),
        ),
      );
      // Node.js itself leaves memory to the system at its end.
      const env = { LD_PRELOAD: runtimes.join(' '), ASAN_OPTIONS: 'detect_leaks=0' };
      const script = join(import.meta.dirname, 'support/hostile-inspect.cjs');
      const { stdout } = await run(process.execPath, [script, addon, library], { env });
      expect(stdout).toBe('refused 15 of 15\n');
    } finally {
      await rm(directory, { recursive: true });
    }
  });
});
