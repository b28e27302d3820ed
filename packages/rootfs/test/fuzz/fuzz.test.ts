import { expect, it } from 'vitest';
import { checkFileSystem, temporaryDirectory } from '../support/host.js';
import { makeFuzzCase } from './fuzz-case.js';
import { FuzzRunner } from './fuzz-runner.js';

/** The share of every test run; `fuzz.mjs` runs as many as one likes. */
const COUNT = Number(process.env.BOXLITE_FUZZ_ROUNDS ?? 2000);
const SEED = Number(process.env.BOXLITE_FUZZ_SEED ?? 1);

it(`${COUNT} made-up images each give a sound disk or a typed error, in any pieces, and leave nothing behind`, {
  timeout: 600_000,
}, async () => {
  const runner = await FuzzRunner.create({
    directory: await temporaryDirectory(),
    checkInterval: 200,
    check: checkFileSystem,
  });
  for (let seed = SEED; seed < SEED + COUNT; seed++) await runner.run(makeFuzzCase(seed));
  await runner.checkLeaks();
  expect(runner.outcomes.built).toBeGreaterThan(COUNT / 5);
  expect(runner.outcomes.refused).toBeGreaterThan(COUNT / 5);
  expect(Object.keys(runner.outcomes.reasons).length).toBeGreaterThan(10);
});
