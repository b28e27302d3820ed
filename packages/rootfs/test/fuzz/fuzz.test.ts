import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { checkFileSystem } from '../support/host.js';
import { makeFuzzCase } from './fuzz-case.js';
import { FuzzRunner } from './fuzz-runner.js';

/** The share of every test run; `fuzz.mjs` runs as many as one likes. */
const COUNT = Number(process.env.BOXLITE_FUZZ_ROUNDS ?? 2000);
const SEED = Number(process.env.BOXLITE_FUZZ_SEED ?? 1);

it(`${COUNT} made-up images each give a sound disk or a typed error, in any pieces, and leave nothing behind`, {
  timeout: 600_000,
}, async () => {
  // Each disk is made durable, which is quick in memory only.
  const directory = await mkdtemp(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'boxlite-fuzz-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  const runner = await FuzzRunner.create({
    directory,
    checkInterval: 200,
    check: checkFileSystem,
  });
  for (let seed = SEED; seed < SEED + COUNT; seed++) await runner.run(makeFuzzCase(seed));
  await runner.checkLeaks();
  expect(runner.outcomes.built).toBeGreaterThan(COUNT / 5);
  expect(runner.outcomes.refused).toBeGreaterThan(COUNT / 5);
  expect(Object.keys(runner.outcomes.reasons).length).toBeGreaterThan(10);
});
