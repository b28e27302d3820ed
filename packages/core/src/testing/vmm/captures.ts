import { createHash } from 'node:crypto';
import { copyFile, mkdir, mkdtemp, readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { SupervisedVm } from '../../contracts/supervisor.js';
import type { CaptureOptions, RunningVm, VmmSnapshot } from '../../contracts/vmm-handler.js';
import { ofSetup } from '../define-cases.js';
import { firstHello } from './first-hello.js';
import type { TestGuest, VmmTestMachine } from './test-machine.js';
import type { Start, VmmBench } from './vmm-bench.js';

/** The two ways to capture a machine. */
export type CaptureMethod = 'snapshot' | 'fork';
export const CAPTURE_METHODS: readonly CaptureMethod[] = ['snapshot', 'fork'];

/** A captured machine with the disks that belong to it. */
export interface Capture {
  readonly snapshot: VmmSnapshot;
  /** Copies of the disks, in their order; undefined for those that are only read. */
  readonly disks: readonly (string | undefined)[];
}

/** True where machines can be captured, and go on somewhere else. */
export const canContinue = ({ setup }: VmmBench): boolean => setup.createHandler().restore !== undefined;

/** A place for a snapshot of a machine: nothing is there yet. */
export async function snapshotPlace({ brokenDisk }: VmmTestMachine): Promise<VmmSnapshot & { readonly dir: string }> {
  const dir = await mkdtemp(join(dirname(brokenDisk), 'snapshot-'));
  return { dir, memory: join(dir, 'memory'), state: join(dir, 'state') };
}

/** Captures a machine and, while it stands still, its disks. */
export async function captureOf(
  { vm, machine }: Start & { readonly vm: RunningVm },
  method: CaptureMethod = 'snapshot',
): Promise<Capture> {
  const { dir, ...snapshot } = await snapshotPlace(machine);
  const copies = join(dir, 'disks');
  await mkdir(copies);
  const disks = machine.spec.disks.map(({ readOnly }, index) => (readOnly ? undefined : join(copies, `${index}`)));
  const whileStill = async () => {
    for (const [index, { path }] of machine.spec.disks.entries()) {
      const copy = disks[index];
      if (copy !== undefined) await copyFile(path, copy);
    }
  };
  await capture(vm, method, snapshot, { whileStill });
  return { snapshot, disks };
}

/** Calls one of the two, which must be there. */
export async function capture(
  vm: RunningVm,
  method: CaptureMethod,
  target: VmmSnapshot,
  options?: CaptureOptions,
): Promise<void> {
  if (vm[method] === undefined) throw new TypeError(`a machine of a handler with restore has no ${method}`);
  await vm[method](target, options);
}

/** A machine that has yet to go on from a capture, over disks of its own with the captured content. */
export async function machineFor(bench: VmmBench, { snapshot, disks }: Capture): Promise<VmmTestMachine> {
  const machine = await bench.createMachine({ from: snapshot });
  await ofSetup(async () => {
    for (const [index, { path }] of machine.spec.disks.entries()) {
      const copy = disks[index];
      if (copy !== undefined) await copyFile(copy, path);
    }
  });
  return machine;
}

/** A machine that has gone on from a capture, and has said hello. */
export async function childOf(bench: VmmBench, from: Capture): Promise<Start & { readonly vm: RunningVm }> {
  const child = await bench.start({ machine: await machineFor(bench, from), from: from.snapshot });
  await firstHello(child.vm);
  return child;
}

/** Keeps a text in a guest's memory. */
export const keep = (bench: VmmBench, start: Start, text: string): Promise<void> =>
  inGuest(bench, start, (guest, vm) => guest.keep(vm, text));

/** What a guest keeps in its memory. */
export const kept = (bench: VmmBench, start: Start): Promise<string> =>
  inGuest(bench, start, (guest, vm) => guest.kept(vm));

/** Of its first disk, as a guest sees it. */
export const diskBytes = (bench: VmmBench, start: Start): Promise<number> =>
  inGuest(bench, start, (guest, vm) => guest.diskBytes(vm));

async function inGuest<Value>(
  { setup }: VmmBench,
  { machine }: Start,
  work: (guest: TestGuest, vm: SupervisedVm) => Promise<Value>,
): Promise<Value> {
  const { guest } = setup;
  if (guest === undefined) return ofSetup(() => Promise.reject(new TypeError('the setup has no `guest`')));
  const { supervisor, request } = machine.host;
  return work(guest, await supervisor.connect(request.controlDir));
}

/** What tells whether a snapshot was changed. */
export async function digestOf({ memory, state }: VmmSnapshot): Promise<readonly string[]> {
  const files = await Promise.all([memory, state].map((path) => readFile(path)));
  return files.map((bytes) => createHash('sha256').update(bytes).digest('hex'));
}

/** Names of what lies in the directory of a snapshot. */
export const filesIn = async (dir: string): Promise<readonly string[]> => (await readdir(dir)).sort();
