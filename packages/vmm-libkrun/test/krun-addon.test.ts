import { execFile } from 'node:child_process';
import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Worker } from 'node:worker_threads';
import { krunAddonPath, loadKrunAddon } from '@boxlite/vmm-libkrun';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compileLibkrun, compilerAbsence } from './support/compile-libkrun.js';

const absence = compilerAbsence();
const describeCompiled = describe.skipIf(absence !== '');

const run = promisify(execFile);
let root: string;
let library: string;

describeCompiled(`the addon${absence}`, () => {
  beforeAll(async () => {
    root = await realpath(await mkdtemp(join(tmpdir(), 'boxlite-addon-')));
    library = await compileLibkrun(join(root, 'libkrun.so.1'), {
      functions: ['krun_add_disk2'],
      hasFeature: 'return feature == 1;',
      maxVcpus: 'return 7;',
    });
  });
  afterAll(() => rm(root, { recursive: true, force: true }));

  it('tells which functions a library has, what its features are, and what was loaded', () => {
    expect(loadKrunAddon().inspect(library, ['krun_add_disk2', 'krun_add_disk3'], [0, 1])).toEqual({
      loadedPath: library,
      symbols: ['krun_add_disk2'],
      features: [0, 1],
      maxVcpus: 7,
    });
  });

  it('says null where a library is too old to answer', async () => {
    const old = await compileLibkrun(join(root, 'old.so'));
    expect(loadKrunAddon().inspect(old, [], [1])).toMatchObject({ features: null, maxVcpus: null });
  });

  it("gives the loader's reason for what it cannot load", () => {
    expect(() => loadKrunAddon().inspect('/nonexistent/libkrun.so.1', [], [])).toThrowError(
      expect.objectContaining({ code: 'ERR_DLOPEN_FAILED', message: expect.stringContaining('No such file') }),
    );
  });

  const many = Array.from({ length: 513 }, () => 'krun_x');
  it.each<[string, unknown[], string]>([
    ['no arguments', [], 'ERR_INVALID_ARG_TYPE'],
    ['a path that is no text', [7, [], []], 'ERR_INVALID_ARG_TYPE'],
    ['a relative path, which the loader would search for', ['libkrun.so.1', [], []], 'ERR_INVALID_ARG_VALUE'],
    ['a path with a NUL', ['/lib\0', [], []], 'ERR_INVALID_ARG_VALUE'],
    ['a path longer than any', [`/${'x'.repeat(5000)}`, [], []], 'ERR_INVALID_ARG_VALUE'],
    ['symbols that are no array', ['/x', 'krun_x', []], 'ERR_INVALID_ARG_TYPE'],
    ['a symbol that is no text', ['/x', [1], []], 'ERR_INVALID_ARG_TYPE'],
    ["another library's symbol", ['/x', ['system'], []], 'ERR_INVALID_ARG_VALUE'],
    ['a symbol with a NUL', ['/x', ['krun_\0'], []], 'ERR_INVALID_ARG_VALUE'],
    ['more symbols than there are', ['/x', many, []], 'ERR_INVALID_ARG_VALUE'],
    ['a feature that is no number', ['/x', [], ['1']], 'ERR_INVALID_ARG_TYPE'],
    ['a negative feature', ['/x', [], [-1]], 'ERR_INVALID_ARG_VALUE'],
    ['a broken feature', ['/x', [], [1.5]], 'ERR_INVALID_ARG_VALUE'],
    ['not a number', ['/x', [], [Number.NaN]], 'ERR_INVALID_ARG_VALUE'],
    ['a large feature', ['/x', [], [2 ** 40]], 'ERR_INVALID_ARG_VALUE'],
  ])('refuses %s with a typed error', (_, args, code) => {
    const inspect = loadKrunAddon().inspect as (...args: unknown[]) => unknown;
    expect(() => inspect(...args)).toThrowError(expect.objectContaining({ code }));
  });

  it('works in several threads at once, each of which may end at any time', async () => {
    const source = `
      const { parentPort, workerData } = require('node:worker_threads');
      const addon = require(workerData.addon);
      for (let round = 0; round < 200; round++) addon.inspect(workerData.library, ['krun_add_disk2'], [1]);
      parentPort.postMessage(addon.inspect(workerData.library, ['krun_add_disk2'], [1]).symbols);
      setInterval(() => addon.inspect(workerData.library, [], []), 1);
    `;
    const answers = Array.from({ length: 4 }, async () => {
      const worker = new Worker(source, { eval: true, workerData: { addon: krunAddonPath(), library } });
      const answer = await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject));
      await worker.terminate();
      return answer;
    });
    expect(await Promise.all(answers)).toEqual(Array.from({ length: 4 }, () => ['krun_add_disk2']));
  });

  it('exports its Node-API entry and no name that could stand in for another of the process', async () => {
    const { stdout } = await run('nm', ['-D', '--defined-only', krunAddonPath()]);
    const names = stdout.split('\n').flatMap((line) => line.split(' ')[2] ?? []);
    expect(names.filter((name) => !name.startsWith('_Z')).sort()).toEqual([
      'napi_register_module_v1',
      'node_api_module_get_api_version_v1',
    ]);
  });
});
