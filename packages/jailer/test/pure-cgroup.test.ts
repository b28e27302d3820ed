import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, rmdirSync } from 'node:fs';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { ResourceLimits } from '@boxlite/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { cgroupHierarchy, createCgroupV2Controller } from '../src/index.js';

const MIB = 1024 * 1024;
const isPure = cgroupHierarchy(readFileSync('/proc/self/mountinfo', 'utf8')).kind === 'pure';
const isRoot = process.geteuid?.() === 0;

// The nested host of test/kvm-host has it, for root and, delegated by hand as there is no systemd, for an ordinary user.
describe.skipIf(!isPure)('the limits of a box on pure cgroup v2', () => {
  const controller = createCgroupV2Controller();
  const children: ChildProcess[] = [];
  let id: string;
  let number = 0;
  beforeEach(() => {
    number += 1;
    id = `limits-test-${process.pid}-${number}`;
  });
  afterEach(async () => {
    await controller.release(id);
    await Promise.all(children.splice(0).map((child) => child.exitCode ?? child.signalCode ?? once(child, 'exit')));
  });

  /** A group with these limits, held entirely. */
  async function group(limits: ResourceLimits, ioPaths: readonly string[] = []): Promise<string> {
    const { cgroupDir = '', degradations } = await controller.prepare(id, limits, { ioPaths });
    expect(degradations).toEqual([]);
    return cgroupDir;
  }

  /** Starts a shell script that waits until it is in the group; what it makes is in it, too. */
  async function within(directory: string, script: string) {
    const child = spawn('sh', ['-c', `read go; ${script}`], { stdio: ['pipe', 'pipe', 'pipe'] });
    children.push(child);
    const ended = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
    const said = text(child.stdout);
    const complained = text(child.stderr);
    await writeFile(join(directory, 'cgroup.procs'), String(child.pid));
    child.stdin.end('go\n');
    return { ended, said, complained };
  }

  const read = (directory: string, file: string) => readFile(join(directory, file), 'utf8');
  const numberIn = (statistics: string, name: string) =>
    Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(statistics)?.[1] ?? Number.NaN);

  it('are written for all: memory without swap, processes, processors', async () => {
    const directory = await group({ maxMemory: 256 * MIB, maxSwap: 0, maxProcesses: 4, cpuWeight: 50 });
    const files = ['memory.max', 'memory.oom.group', 'pids.max', 'cpu.weight'];
    const texts = await Promise.all(files.map((file) => read(directory, file)));
    expect(texts).toEqual([`${256 * MIB}\n`, '1\n', '4\n', '50\n']);
    // There is no such file on a kernel without swap.
    if (existsSync(join(directory, 'memory.swap.max'))) expect(await read(directory, 'memory.swap.max')).toBe('0\n');
  });

  it('stop a fork bomb, and release() ends all of it at once', async () => {
    const directory = await group({ maxProcesses: 12 });
    const bomb = await within(directory, '(bomb() { bomb | bomb & }; bomb) & exec sleep 1000');
    await expect.poll(() => read(directory, 'pids.events'), { timeout: 20_000 }).toMatch(/^max [1-9]/);
    expect(Number(await read(directory, 'pids.current'))).toBeLessThanOrEqual(12);
    await controller.release(id);
    expect(await bomb.ended).toEqual([null, 'SIGKILL']);
    await expect(stat(directory)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('kill who fills memory, with everything that belongs to it: nothing half is left', async () => {
    const directory = await group({ maxMemory: 32 * MIB, maxSwap: 0, memoryHigh: 32 * MIB });
    const hog = await within(
      directory,
      'sleep 1000 & head -c 200m /dev/zero | tail -c 190m > /dev/null; echo survived',
    );
    expect(await hog.ended).toEqual([null, 'SIGKILL']);
    expect(await hog.said).toBe('');
    expect(numberIn(await read(directory, 'memory.events'), 'oom_group_kill')).toBe(1);
    expect((await read(directory, 'cgroup.events')).includes('populated 0')).toBe(true);
  });

  it('slow down before they kill: memory.high is met first', async () => {
    const directory = await group({ maxMemory: 64 * MIB, maxSwap: 0, memoryHigh: 16 * MIB });
    const reader = await within(directory, 'head -c 24m /dev/zero | tail -c 20m > /dev/null; echo done');
    await expect
      .poll(async () => numberIn(await read(directory, 'memory.events'), 'high'), { timeout: 20_000 })
      .toBeGreaterThan(0);
    expect(numberIn(await read(directory, 'memory.events'), 'oom_kill')).toBe(0);
    await controller.release(id);
    await reader.ended;
  });

  it('hold a quota of processors, however busy', async () => {
    const directory = await group({ cpuQuota: 0.2 });
    expect(await read(directory, 'cpu.max')).toBe('20000 100000\n');
    const spinner = await within(directory, 'exec sh -c "while :; do :; done"');
    await expect
      .poll(async () => numberIn(await read(directory, 'cpu.stat'), 'nr_throttled'), { timeout: 20_000 })
      .toBeGreaterThan(10);
    const statistics = await read(directory, 'cpu.stat');
    // A fifth of each period, and what one tick may overrun it by.
    const share = numberIn(statistics, 'usage_usec') / (numberIn(statistics, 'nr_periods') * 100_000);
    expect(share).toBeLessThan(0.4);
    await controller.release(id);
    await spinner.ended;
  });

  it('hold disk traffic where the controller is delegated', async () => {
    const work = await mkdtemp(join(tmpdir(), 'boxlite-io-'));
    const {
      cgroupDir = '',
      enforced,
      degradations,
    } = await controller.prepare(
      id,
      { ioReadBytesPerSecond: 2 * MIB, ioWriteBytesPerSecond: 1 * MIB },
      { ioPaths: [work] },
    );
    const available = (await read(cgroupDir, 'cgroup.controllers')).split(/\s/).includes('io');
    expect(enforced.io).toBe(available);
    expect(degradations.join().includes('io limit is not held')).toBe(!available);
    if (available) {
      expect(await read(cgroupDir, 'io.max')).toMatch(/^\d+:\d+ rbps=2097152 wbps=1048576 /);
      const started = performance.now();
      const writer = await within(cgroupDir, `dd if=/dev/zero of=${work}/file bs=256k count=12 oflag=direct 2>&1`);
      expect((await writer.ended)[0]).toBe(0);
      expect(performance.now() - started).toBeGreaterThan(1500);
    }
    await rm(work, { recursive: true });
  });

  it('are told to be missing where nothing disk-like lies under the files', async () => {
    const { degradations } = await controller.prepare(id, { ioReadBytesPerSecond: 1 }, { ioPaths: ['/proc'] });
    expect(degradations.join()).toMatch(/io limit is not held/);
  });

  it('are those of this start: what the one before left running is ended, and its group made anew', async () => {
    const directory = await group({ maxProcesses: 9, cpuWeight: 7 });
    const left = await within(directory, 'exec sleep 1000');
    expect(await group({ maxProcesses: 8 })).toBe(directory);
    expect(await left.ended).toEqual([null, 'SIGKILL']);
    expect([await read(directory, 'pids.max'), await read(directory, 'cpu.weight')]).toEqual(['8\n', '100\n']);
  });

  it('need a group without processes of its own above them: one that has some is told, and nobody is moved', async () => {
    const directory = await group({});
    const base = dirname(dirname(directory));
    const own = join(base, `crowded-${process.pid}`);
    mkdirSync(own);
    const neighbour = await within(own, 'exec sleep 1000');
    const relative = own.slice(mountPoint().length);
    const crowded = createCgroupV2Controller({
      cgroup: `0::${relative}\n`,
      isWritable: (path) => path === own || path.startsWith(`${own}/`),
    });
    const outcome = await crowded.prepare(id, { maxProcesses: 5 });
    expect(outcome.enforced.processes).toBe(false);
    expect(outcome.degradations.join()).toMatch(/holds processes itself.*DelegateSubgroup=/);
    expect((await read(own, 'cgroup.procs')).trim()).toBe(String(children.at(-1)?.pid));
    // It can be joined, and ended as a whole.
    const member = await within(outcome.cgroupDir ?? '', 'exec sleep 1000');
    await crowded.release(id);
    expect(await member.ended).toEqual([null, 'SIGKILL']);
    await writeFile(join(own, 'cgroup.kill'), '1');
    await neighbour.ended;
    await expect.poll(() => read(own, 'cgroup.events')).toContain('populated 0');
    rmdirSync(join(own, 'boxlite'));
    rmdirSync(own);
  });

  it.skipIf(isRoot)('of an ordinary user lie in what was delegated, above the group of this process', async () => {
    const own = /^0::(.*)$/m.exec(readFileSync('/proc/self/cgroup', 'utf8'))?.[1] ?? '';
    const base = dirname(dirname(await group({ maxProcesses: 5, maxMemory: 64 * MIB })));
    expect(`${join(mountPoint(), own)}/`.startsWith(`${base}/`)).toBe(true);
    expect((await stat(base)).uid).toBe(process.geteuid?.());
    expect((await stat(dirname(base))).uid).not.toBe(process.geteuid?.());
  });

  const mountPoint = () =>
    execFileSync('findmnt', ['-n', '-o', 'TARGET', '-t', 'cgroup2'], { encoding: 'utf8' }).trim();
});
