import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import {
  currentBootId,
  currentHolder,
  isAlive,
  isHolderAlive,
  processIdentity,
  processStartedAtMs,
  selfIdentity,
} from '../src/index.js';
import { temporaryDirectory } from './temporary-directory.js';

describe('the identity of a process', () => {
  it('is its pid and start time, the same each time', () => {
    expect(selfIdentity().pid).toBe(process.pid);
    expect(selfIdentity()).toEqual(processIdentity(process.pid));
    expect(isAlive(selfIdentity())).toBe(true);
  });

  it('tells a process from a later one with the same number', () => {
    const self = selfIdentity();
    expect(isAlive({ ...self, startTime: self.startTime - 1 })).toBe(false);
  });

  it('is nothing for a pid nobody has, and for what is no pid', () => {
    for (const pid of [0, -1, 1.5, Number.NaN, 2 ** 31 - 1]) expect(processIdentity(pid)).toBeUndefined();
  });

  it('ends with the process', async () => {
    const child = spawn('cat', { stdio: ['pipe', 'ignore', 'ignore'] });
    await once(child, 'spawn');
    const identity = processIdentity(child.pid!)!;
    expect(isAlive(identity)).toBe(true);
    child.stdin.end();
    await once(child, 'exit');
    expect(isAlive(identity)).toBe(false);
  });

  it.runIf(process.platform === 'linux')('is nothing for a zombie, which runs no more', async () => {
    // `sleep` takes the shell's place and never reaps its child, which ends when its input does.
    const script = 'exec 3<&0; read -r line <&3 & echo $!; exec sleep 600 3<&-';
    const parent = spawn('bash', ['-c', script], { stdio: ['pipe', 'pipe', 'ignore'] });
    onTestFinished(() => void parent.kill('SIGKILL'));
    const AMPLE = { timeout: 20_000 };
    const [line] = (await once(parent.stdout, 'data')) as [Buffer];
    const child = Number(line.toString());
    expect(processIdentity(child)).toMatchObject({ pid: child });
    await vi.waitFor(() => expect(readFileSync(`/proc/${parent.pid}/comm`, 'utf8')).toBe('sleep\n'), AMPLE);
    parent.stdin.end();
    await vi.waitFor(() => expect(readFileSync(`/proc/${child}/status`, 'utf8')).toMatch(/^State:\s+Z/m), AMPLE);
    expect(processIdentity(child)).toBeUndefined();
  });

  it('is right for a program with parentheses and spaces in its name', async () => {
    const program = join(await temporaryDirectory(), 'a) S 1 (b');
    copyFileSync('/bin/sleep', program);
    const child = spawn(program, ['600'], { stdio: 'ignore' });
    await once(child, 'spawn');
    onTestFinished(() => void child.kill('SIGKILL'));
    const age = Date.now() - processStartedAtMs(processIdentity(child.pid!)!)!;
    expect(Math.abs(age)).toBeLessThan(10_000);
  });
});

describe('a holder', () => {
  it('is this process in this boot, and never one of another boot', () => {
    const holder = currentHolder();
    expect(holder).toEqual({ ...selfIdentity(), bootId: currentBootId() });
    expect(isHolderAlive(holder)).toBe(true);
    expect(isHolderAlive({ ...holder, bootId: '00000000-0000-0000-0000-000000000000' })).toBe(false);
  });
});
