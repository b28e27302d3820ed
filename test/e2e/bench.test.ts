import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it, onTestFinished } from 'vitest';
import { REPOSITORY } from '../support/run-cli.js';

const run = promisify(execFile);
const BENCH = join(REPOSITORY, 'bench/run.mjs');

it('a bench prints its table and writes its figures, with the machine they were measured on', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'boxlite-bench-test-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  const json = join(directory, 'figures.json');
  const { stdout } = await run(process.execPath, [BENCH, 'qcow2-child', '--runs', '2', '--json', json]);
  expect(stdout).toMatch(/^qcow2-child {2}= ours \/ floor /m);
  const { machine, results } = JSON.parse(await readFile(json, 'utf8'));
  expect(machine).toMatchObject({ node: process.version, cores: expect.any(Number), qemu: expect.any(String) });
  expect(results).toHaveLength(1);
  expect(results[0]).toMatchObject({ name: 'qcow2-child', runs: 2 });
  expect(results[0].series[0]).toMatchObject({ name: 'create child', unit: 'ms', n: 2, p50: expect.any(Number) });
});

it('an unknown bench is refused with the names of those there are', async () => {
  await expect(run(process.execPath, [BENCH, 'nonsense'])).rejects.toMatchObject({
    code: 2,
    stderr: expect.stringContaining('qcow2-child'),
  });
});
