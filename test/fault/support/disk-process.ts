import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { GuestRootfsUsage, ImageDiskPolicy, ImageDiskUsage } from '@boxlite/rootfs';
import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest';
import { bundleFixture } from './bundle-fixture.js';
import { type Breakpoint, type CalledProcess, calledProcess } from './called-process.js';

/** What a process of image disks can be asked to do. A letter names an image, whose disk has 256 MiB. */
export interface DiskCalls {
  /** @returns its disk, and how many this process has built so far */
  ensure(letter: string): Promise<{ readonly path: string; readonly inode: number; readonly builds: number }>;
  /** Makes a box's overlay of the image's disk as a start does, and opens the chain. @returns the image's disk */
  makeBox(letter: string, box: string): Promise<string>;
  removeBox(box: string): Promise<void>;
  /** Makes boxes of the images in turn and removes them. */
  makeAndRemove(letters: readonly string[], rounds: number): Promise<void>;
  /** @returns how many disks went */
  collect(policy: Omit<ImageDiskPolicy, 'mayGo' | 'homeLease' | 'now'>): Promise<number>;
  /** Collects over and over until `enough`. @returns how many disks went */
  collectUntilTold(): Promise<number>;
  enough(): Promise<void>;
  usage(): Promise<readonly ImageDiskUsage[]>;
  /** The guest rootfs of the skeleton, or of an image, recorded as used by a new box. @returns its disk */
  guestRootfs(box: string, letter?: string): Promise<string>;
  /** The same for a box that exists. */
  startAgain(box: string, letter?: string): Promise<string>;
  guestRootfsUsage(): Promise<readonly GuestRootfsUsage[]>;
  forgetBox(box: string): Promise<void>;
  collectGuestRootfs(): Promise<number>;
  /** Uses the skeleton's guest rootfs for boxes that are removed again. */
  useAndForget(rounds: number): Promise<void>;
  /** Collects over and over until `enough`. @returns how many disks went */
  collectGuestRootfsUntilTold(): Promise<number>;
  /** Resolves once somebody holds a lease whose entity begins so. */
  leased(prefix: string): Promise<void>;
  /** @returns how much a sweep of `tmp/` removed */
  sweep(): Promise<number>;
  break(at: Breakpoint | null): Promise<void>;
}

export type DiskProcess = CalledProcess<DiskCalls>;

/** Processes over one home a test. */
export interface DiskProcesses {
  /** Sorted names in a directory of the home; none when it does not exist. */
  list(...path: string[]): Promise<readonly string[]>;
  /** @param agent version of the guest agent it has; default: one of its own */
  start(agent?: string): Promise<DiskProcess>;
  startMany(count: number, agent?: string): Promise<readonly DiskProcess[]>;
  /** One that stops dead at a breakpoint. */
  startFreezing(breakpoint: Breakpoint): Promise<DiskProcess>;
  /** Waits until a call of a process has come to its breakpoint, and kills it. */
  killFrozen(frozen: DiskProcess, call: Promise<unknown>): Promise<void>;
}

/** Call it where a suite is described. */
export function useDiskProcesses(): DiskProcesses {
  const running: DiskProcess[] = [];
  let programs: string;
  let program: string;
  let home: string;
  beforeAll(async () => {
    programs = await mkdtemp(join(tmpdir(), 'boxlite-programs-'));
    program = await bundleFixture('disks', programs);
  });
  afterAll(() => rm(programs, { recursive: true, force: true }));
  beforeEach(async () => {
    home = join(await mkdtemp(join(tmpdir(), 'boxlite-disks-')), 'home');
  });
  afterEach(async () => {
    for (const started of running.splice(0)) await started.kill();
    await rm(dirname(home), { recursive: true, force: true });
  });
  const start = async (version = 'current') => {
    const agent = join(programs, `agent-${version}`);
    await writeFile(agent, fakeAgent(version));
    const started = await calledProcess<DiskCalls>(program, [home, agent]);
    running.push(started);
    return started;
  };
  return {
    start,
    startMany: (count, agent) => Promise.all(Array.from({ length: count }, () => start(agent))),
    async startFreezing(breakpoint) {
      const frozen = await start();
      await frozen.call.break(breakpoint);
      return frozen;
    },
    async killFrozen(frozen, call) {
      const ended = call.then(
        () => 'done',
        (error: Error) => error.message,
      );
      expect(await Promise.race([frozen.frozen().then(() => 'frozen'), ended])).toBe('frozen');
      await frozen.kill();
      expect(await ended).toBe('the host process has ended');
    },
    async list(...path) {
      const directory = join(home, ...path);
      return existsSync(directory) ? (await readdir(directory)).sort() : [];
    },
  };
}

/** The start of a program for x86-64: what the manager of guest rootfs takes for an agent. @param version tells agents apart */
function fakeAgent(version: string): Buffer {
  const bytes = Buffer.alloc(4096);
  bytes.write('\x7fELF', 'latin1');
  bytes.set([2, 1], 4);
  bytes.writeUInt16LE(2, 16);
  bytes.writeUInt16LE(62, 18);
  bytes.write(version, 64);
  return bytes;
}
