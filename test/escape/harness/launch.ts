import { spawn } from 'node:child_process';
import { closeSync, constants, openSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Duplex, Readable } from 'node:stream';
import type { ConfinedCommand } from '@boxlite/core';
import { createSupervisor } from '@boxlite/supervisor';
import { LIMITS } from './limits.js';
import type { World } from './world.js';

/** How a hostile program ended, and what it wrote. */
export interface Ended {
  readonly text: string;
  /** Bytes that are kept of what it wrote. */
  readonly logBytes: number;
  /** `status 0`, `signal 31`, or what the supervisor says. */
  readonly ended: string;
  /** The ids that the host's /proc shows of it while it waits to be looked at. */
  readonly seenAs?: { readonly uid: number; readonly gid: number };
}

/** What the starting process has open, at the numbers native/src/descriptors.c looks at. */
export interface Leaks {
  readonly file: string;
  readonly directory: string;
  readonly pipe: string;
  readonly terminal: string;
}

export interface LaunchOptions {
  /** Text at which the program is stopped: by its supervisor as a box is, by the harness with the signal that asks for the end. */
  readonly stopAt?: string;
  /** Who started it is killed instead: the supervisor, or the process the harness started. */
  readonly starterDies?: boolean;
}

/** How long a stopped program is given to end. */
const GRACE_MS = 500;
/** Of all attempts together, on a machine that does other things, too. */
const TIMEOUT_MS = 300_000;
const KEPT_TEXT = 200_000;
const LOOK_INTERVAL_MS = 20;

/** Starts a command without a supervisor: everything leaks that can. */
export async function launchBare(
  command: ConfinedCommand,
  world: World,
  leaks: Leaks,
  { stopAt, starterDies = false }: LaunchOptions = {},
): Promise<Ended> {
  const { pidReport, dataFds = [] } = command;
  const stdio: ('pipe' | 'ignore' | number)[] = ['ignore', 'pipe', 'pipe'];
  const opened: number[] = [];
  const place = (fd: number, what: 'pipe' | number) => {
    while (stdio.length <= fd) stdio.push('ignore');
    stdio[fd] = what;
  };
  const leak = (fd: number, path: string, flags: number) => {
    const descriptor = openSync(path, flags);
    opened.push(descriptor);
    place(fd, descriptor);
  };
  for (const { fd, data } of dataFds) {
    const path = join(world.root, `data-${fd}`);
    writeFileSync(path, data);
    leak(fd, path, constants.O_RDONLY);
  }
  if (pidReport.kind === 'bubblewrap') for (const fd of [pidReport.infoFd, pidReport.blockFd]) place(fd, 'pipe');
  // A unix socket that was made in the host's network, as a listener is.
  place(10, 'pipe');
  leak(20, leaks.file, constants.O_RDWR);
  leak(21, leaks.directory, constants.O_RDONLY | constants.O_DIRECTORY);
  leak(22, leaks.pipe, constants.O_RDWR);
  if (leaks.terminal !== '-') leak(23, leaks.terminal, constants.O_RDWR | constants.O_NOCTTY);
  try {
    const child = spawn(command.binary, [...command.args], { env: { ...command.env }, cwd: world.root, stdio });
    const timer = setTimeout(() => child.kill('SIGKILL'), TIMEOUT_MS);
    let text = '';
    let logBytes = 0;
    let pid = child.pid ?? 0;
    let seenAs: Ended['seenAs'];
    const keep = (chunk: Buffer) => {
      logBytes += chunk.length;
      text = (text + chunk.toString('latin1')).slice(-KEPT_TEXT);
      if (seenAs === undefined && text.includes(' waiting ')) seenAs = idsOf(pid);
    };
    child.stdout?.on('data', keep);
    child.stderr?.on('data', keep);
    if (pidReport.kind === 'bubblewrap') {
      const block = child.stdio[pidReport.blockFd] as Duplex;
      // A view that fails to build reads nothing; the status tells.
      block.on('error', () => undefined);
      (child.stdio[pidReport.infoFd] as Readable).once('data', (chunk: Buffer) => {
        pid = Number(/"child-pid": (\d+)/.exec(chunk.toString())?.[1] ?? 0);
        block.end('1');
      });
    }
    const ended = await new Promise<string>((resolve, reject) => {
      child.once('error', reject);
      // What it left behind keeps its output open.
      child.once(stopAt === undefined ? 'close' : 'exit', (status, signal) =>
        resolve(signal === null ? `status ${status}` : `signal ${signal}`),
      );
      if (stopAt === undefined) return;
      child.stdout?.on('data', () => {
        if (!text.includes(stopAt)) return;
        // Without a wrapper it was started by the harness, whose death would be nobody's to tell.
        if (!starterDies || pidReport.kind !== 'self') child.kill(starterDies ? 'SIGKILL' : 'SIGTERM');
        setTimeout(() => resolve('still there'), GRACE_MS);
      });
    });
    clearTimeout(timer);
    (child.stdio as (Duplex | null | undefined)[])[10]?.destroy();
    return { text, logBytes, ended, ...(seenAs && { seenAs }) };
  } finally {
    for (const descriptor of opened) closeSync(descriptor);
  }
}

/** A supervisor that was started with descriptors it knows nothing of. Node.js itself leaks none. */
export function leakingSupervisor(programsDir: string, world: World, leaks: Leaks): string {
  const script = join(world.root, 'supervisor');
  const terminal = leaks.terminal === '-' ? '' : `exec 23<>'${leaks.terminal}'\n`;
  const opens = `exec 20<>'${leaks.file}' 21<'${leaks.directory}' 22<>'${leaks.pipe}'\n${terminal}`;
  writeFileSync(script, `#!/bin/bash\n${opens}exec '${programsDir}/boxlite-supervisor'\n`, { mode: 0o755 });
  return script;
}

/** Starts a command as a VMM is started, by the real supervisor. */
export async function launchSupervised(
  command: ConfinedCommand,
  world: World,
  supervisor: string,
  { stopAt, starterDies = false }: LaunchOptions = {},
): Promise<Ended> {
  const { box } = world;
  const log = box.consoleLog;
  for (const path of [log, `${log}.1`]) rmSync(path, { force: true });
  const vm = await createSupervisor({ binary: supervisor }).launch({
    boxId: box.id,
    agentSocket: box.agentSocket,
    controlDir: box.controlDir,
    pidFile: box.pidFile,
    stderrFile: box.stderrFile,
    exitFile: box.exitFile,
    consoleFile: log,
    consoleMaxBytes: LIMITS.consoleBytes,
    detached: false,
    listeners: [{ fd: 10, path: join(box.controlDir, 'qmp.sock') }],
    command,
  });
  let seenAs: Ended['seenAs'];
  let stopping: Promise<unknown> | undefined;
  const look = setInterval(() => {
    const text = read(log);
    if (seenAs === undefined && text.includes(' waiting ')) seenAs = idsOf(vm.welcome.vmm.pid);
    if (stopAt === undefined || !text.includes(stopAt) || stopping !== undefined) return;
    if (starterDies) process.kill(vm.welcome.supervisor.pid, 'SIGKILL');
    stopping = starterDies ? Promise.resolve() : vm.stop(GRACE_MS);
  }, LOOK_INTERVAL_MS);
  const record = await vm.wait();
  clearInterval(look);
  await stopping;
  await vm.close();
  const logBytes = [log, `${log}.1`].reduce((sum, path) => sum + sizeOf(path), 0);
  const ended = record.kind === 'Signal' ? `signal ${record.signal}` : record.kind;
  const said = 'stderrTail' in record ? record.stderrTail : '';
  return { text: `${read(log)}${said}`, logBytes, ended, ...(seenAs && { seenAs }) };
}

/** Effective ids as the host sees them; proc(5): real, effective, saved, file system. */
function idsOf(pid: number): NonNullable<Ended['seenAs']> {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const effective = (name: string) => Number(new RegExp(`^${name}:\\t\\d+\\t(\\d+)`, 'm').exec(status)?.[1] ?? -1);
  return { uid: effective('Uid'), gid: effective('Gid') };
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

function read(path: string): string {
  return sizeOf(path) === 0 ? '' : readFileSync(path, 'latin1');
}
