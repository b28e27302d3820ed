import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, copyFile, mkdir, mkdtemp, realpath, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { chooseProgram, programToAsk, SMALL_QEMU_PROGRAM } from './choose-program.js';
import { QEMU_PROGRAM } from './find-qemu.js';

const withKvm = { accelerator: 'kvm', isUnfiltered: false } as const;
const MADE = 1_700_000_000;

let directory: string;
let full: string;
let small: string;
beforeEach(async () => {
  directory = await realpath(await mkdtemp(join(tmpdir(), 'boxlite-program-')));
  [full, small] = [join(directory, QEMU_PROGRAM), join(directory, SMALL_QEMU_PROGRAM)];
  await program(full);
});
afterEach(() => rm(directory, { recursive: true }));

/** A script says nothing of its libraries; Node.js is linked with some, and none of them filters system calls. */
async function program(path: string, { from, made = MADE }: { from?: string; made?: number } = {}): Promise<void> {
  if (from === undefined) await writeFile(path, '#!/bin/sh\n');
  else await copyFile(from, path);
  await chmod(path, 0o755);
  await utimes(path, made, made);
}

const inPath = () => ({ binary: undefined, searchPath: directory });

describe('the QEMU that runs a machine', () => {
  it('is with KVM the small one beside the one in PATH', async () => {
    await program(small);
    expect(chooseProgram(inPath(), withKvm).path).toBe(small);
  });

  it('is found beside what a link in PATH leads to', async () => {
    await program(small);
    const linked = join(directory, 'bin');
    await mkdir(linked);
    await symlink(full, join(linked, QEMU_PROGRAM));
    expect(chooseProgram({ binary: undefined, searchPath: linked }, withKvm).path).toBe(small);
  });

  it('is never the small one without KVM: it cannot translate', async () => {
    await program(small);
    expect(chooseProgram(inPath(), { accelerator: 'tcg', isUnfiltered: false }).path).toBe(full);
  });

  it('is the one that was named, and no other', async () => {
    await program(small);
    expect(chooseProgram({ binary: full, searchPath: '' }, withKvm).path).toBe(full);
    expect(chooseProgram({ binary: small, searchPath: '' }, withKvm).path).toBe(small);
  });

  it('is the usual one where there is no small one, or one that cannot be run or is of another build', async () => {
    expect(chooseProgram(inPath(), withKvm).path).toBe(full);
    await program(small, { made: MADE + 1 });
    expect(chooseProgram(inPath(), withKvm).path).toBe(full);
    await program(small);
    await chmod(small, 0o644);
    expect(chooseProgram(inPath(), withKvm).path).toBe(full);
  });

  it('has a sandbox of its own where it is linked with the library for it, or says nothing of libraries', async () => {
    expect(chooseProgram(inPath(), withKvm).hasSandbox).toBe(true);
    await program(small, { from: process.execPath });
    expect(chooseProgram(inPath(), withKvm)).toEqual({ path: small, hasSandbox: false });
  });

  it('is the usual one, which filters its system calls, where the small one cannot and no jail is certain to', async () => {
    const unfiltered = { ...withKvm, isUnfiltered: true };
    await program(small, { from: process.execPath });
    expect(chooseProgram(inPath(), unfiltered)).toEqual({ path: full, hasSandbox: true });
    await program(small);
    expect(chooseProgram(inPath(), unfiltered)).toEqual({ path: small, hasSandbox: true });
  });

  it('is asked for its version once: the small one where it may be used, which is of the same', async () => {
    await program(small);
    expect(programToAsk(inPath(), 'auto')).toBe(small);
    expect(programToAsk(inPath(), 'kvm')).toBe(small);
    expect(programToAsk(inPath(), 'tcg')).toBe(full);
    expect(programToAsk({ binary: full, searchPath: '' }, 'auto')).toBe(full);
  });
});

const installedSmall = join('/usr/bin', SMALL_QEMU_PROGRAM);

// Distributions other than Debian and Ubuntu have one QEMU.
describe.skipIf(!existsSync(installedSmall))('the QEMUs of this machine', () => {
  const installed = { binary: undefined, searchPath: '/usr/bin' };

  it('are of one build and one version, and accept -sandbox where we say so', () => {
    const chosen = chooseProgram(installed, withKvm);
    const usual = chooseProgram(installed, { ...withKvm, accelerator: 'tcg' });
    expect(chosen.path).toBe(installedSmall);
    const versionOf = (path: string) => execFileSync(path, ['--version'], { encoding: 'utf8' });
    expect(versionOf(chosen.path)).toBe(versionOf(usual.path));
    for (const { path, hasSandbox } of [chosen, usual]) {
      expect(spawnSync(path, ['-sandbox', 'on', '-version']).status === 0).toBe(hasSandbox);
    }
  });
});
