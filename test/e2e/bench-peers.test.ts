import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it, onTestFinished } from 'vitest';
import { REPOSITORY } from '../support/run-cli.js';

const run = promisify(execFile);
const DRIVER = join(REPOSITORY, 'bench/peers/run.mjs');
const FAKE = join(REPOSITORY, 'test/support/fake-participant.mjs');
const QUICK = ['--rounds', '2', '--execs', '3', '--several', '2', '--settle', '0'];

/** Runs the comparison with a fake in the place of each participant. */
async function compareFakes(...names: string[]) {
  const directory = await mkdtemp(join(tmpdir(), 'boxlite-peers-test-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  const json = join(directory, 'figures.json');
  const participants = names.flatMap((name) => ['--participant', `${name}=${FAKE}`]);
  const { stdout } = await run(process.execPath, [DRIVER, ...participants, ...QUICK, '--json', json]);
  return { stdout, result: JSON.parse(await readFile(json, 'utf8')) };
}

it('the comparison measures every participant in turn and tells ratios to ours and which targets are met', async () => {
  const { stdout, result } = await compareFakes(
    ...['ours', 'ours-qemu-template', 'boxlite', 'microsandbox', 'floor', 'exec-floor'],
  );
  expect(result.machine).toMatchObject({ node: process.version, cores: expect.any(Number) });
  expect(Object.values(result.failures)).toEqual([0, 0, 0, 0, 0, 0]);
  const figure = (participant: string, name: string) =>
    result.figures.find((row: { participant: string; figure: string }) => {
      return row.participant === participant && row.figure === name;
    });
  expect(figure('ours', 'start')).toMatchObject({ n: 2, unit: 'ms', p50: expect.any(Number), ratioToOurs: 1 });
  expect(figure('boxlite', 'exec')).toMatchObject({ n: 6, unit: 'ms' });
  expect(figure('microsandbox', 'several')).toMatchObject({ n: 2, p95: expect.any(Number) });
  expect(result.samples.floor['memory of sleep']).toHaveLength(2);
  expect(result.targets).toHaveLength(8);
  for (const { ratio, limit, met } of result.targets) expect(met).toBe(ratio <= limit);
  expect(stdout).toMatch(/^start: ours \/ boxlite +[\d.]+ +0\.5 +(met|MISSED)$/m);
  expect(stdout).toMatch(/^start: ours-qemu-template \/ boxlite +[\d.]+ +0\.3 +(met|MISSED)$/m);
  expect(stdout).toMatch(/^stage spawn of sleep +ours /m);
});

it('a round that fails is counted and named, and the comparison goes on', async () => {
  const { stdout, result } = await compareFakes('ours', 'failing');
  expect(result.failures).toMatchObject({ ours: 0, failing: expect.any(Number) });
  expect(result.failures.failing).toBeGreaterThan(0);
  expect(stdout).toMatch(/^failing: \d rounds failed and do not count$/m);
});

it('an unknown participant is refused with the names of those there are', async () => {
  await expect(run(process.execPath, [DRIVER, '--participant', 'nonsense'])).rejects.toMatchObject({
    stderr: expect.stringContaining('ours-libkrun, ours-qemu, ours-qemu-template, boxlite, microsandbox'),
  });
});

it('the comparison of cold starts gives every round of every participant a new process, and tells the ratio to the better peer', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'boxlite-peers-test-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  const json = join(directory, 'figures.json');
  const participants = ['ours', 'boxlite', 'microsandbox'].flatMap((name) => ['--participant', `${name}=${FAKE}`]);
  const program = join(REPOSITORY, 'bench/peers/cold-start.mjs');
  await run(process.execPath, [program, ...participants, '--rounds', '2', '--json', json]);
  const { series, comparisons } = JSON.parse(await readFile(json, 'utf8'));
  expect(series).toContainEqual(expect.objectContaining({ name: 'microsandbox', n: 2, unit: 's' }));
  expect(comparisons).toEqual([
    expect.objectContaining({
      name: expect.stringMatching(/^ours \/ better peer /),
      target: 0.6,
      met: expect.any(Boolean),
    }),
  ]);
});

it('RAM that a guest has touched is told from the memory of its VMM, for libkrun with and without libkrunfw and for QEMU, also from a template', async () => {
  const { guestRamKib } = await import(join(REPOSITORY, 'bench/peers/lib/guest-ram.mjs'));
  const mapping = (line: string, kib: number, pss: number, flags: string) =>
    `${line}\nSize: ${kib} kB\nPss: ${pss} kB\nVmFlags: ${flags}\n`;
  const smaps = [
    mapping('00400000-00500000 r-xp 00000000 fe:00 1 /box/bin/shim', 1024, 500, 'rd ex'),
    mapping('7f0000000000-7f0001000000 rw-p 00000000 00:00 0 ', 16384, 7000, 'rd wr nr'),
    mapping('7f0002000000-7f0003000000 rw-p 00010000 fe:00 2 /box/bin/libkrunfw.so.5', 16384, 300, 'rd wr ac'),
    mapping('7f0004000000-7f0014000000 rw-s 00000000 00:00 0 ', 262_144, 11, 'rd wr sh'),
    mapping('7f0010000000-7f0020000000 rw-p 00000000 fe:00 3 /home/templates/key/memory', 262_144, 5, 'rd wr'),
    mapping('7f0020000000-7f0020021000 rw-p 00000000 00:00 0 ', 132, 90, 'rd wr nr'),
    mapping('7f0030000000-7f0034000000 ---p 00000000 00:00 0 ', 65_536, 0, 'nr'),
  ].join('');
  expect(guestRamKib(smaps, 256)).toBe(7316);
});
