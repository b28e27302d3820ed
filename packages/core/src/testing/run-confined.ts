import { spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex, Readable } from 'node:stream';
import type { ConfinedCommand } from '../contracts/sandbox.js';

export interface RunConfinedOptions {
  readonly stdin?: string;
  /** Ordinary ids to spawn as; only root may choose. */
  readonly uid?: number;
  readonly gid?: number;
  /** Milliseconds until the command is killed; default 30 000. */
  readonly timeoutMs?: number;
}

const TIMEOUT_MS = 30_000;

/** How a confined command ended. */
export interface ConfinedRun {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  /** The pid the command's `pidReport` told of. */
  readonly reportedPid: number;
}

/**
 * Runs a confined command to its end the way a supervisor does: data on its descriptors, nothing else inherited, the pid report
 * taken and the command released. Limits and cgroup (stage A) are not applied. For tests only.
 */
export async function runConfined(command: ConfinedCommand, options: RunConfinedOptions = {}): Promise<ConfinedRun> {
  const { pidReport, dataFds = [] } = command;
  const directory = mkdtempSync(join(tmpdir(), 'boxlite-confined-'));
  const opened: number[] = [];
  let timer: NodeJS.Timeout | undefined;
  try {
    const stdio: ('pipe' | 'ignore' | number)[] = ['pipe', 'pipe', 'pipe'];
    const place = (fd: number, what: 'pipe' | number) => {
      while (stdio.length <= fd) stdio.push('ignore');
      stdio[fd] = what;
    };
    for (const { fd, data } of dataFds) {
      const file = join(directory, String(fd));
      writeFileSync(file, data);
      const descriptor = openSync(file, 'r');
      opened.push(descriptor);
      place(fd, descriptor);
    }
    if (pidReport.kind === 'bubblewrap') {
      place(pidReport.infoFd, 'pipe');
      place(pidReport.blockFd, 'pipe');
    }
    const child = spawn(command.binary, [...command.args], {
      env: command.env,
      cwd: '/',
      stdio,
      ...(options.uid === undefined ? {} : { uid: options.uid }),
      ...(options.gid === undefined ? {} : { gid: options.gid }),
    });
    // Not spawn's own time-out, which outlives a program that could not be started.
    timer = setTimeout(() => child.kill('SIGKILL'), options.timeoutMs ?? TIMEOUT_MS);
    const ended = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve, reject) => {
      child.on('error', reject);
      child.on('close', (code, signal) => resolve({ code, signal }));
    });
    const stdin = child.stdin as NonNullable<typeof child.stdin>;
    // A command that does not read its input is no failure of the run.
    stdin.on('error', () => undefined);
    stdin.end(options.stdin ?? '');
    const stdout = collect(child.stdout);
    const stderr = collect(child.stderr);
    let reported: Promise<number | undefined> = Promise.resolve(child.pid);
    if (pidReport.kind === 'bubblewrap') {
      const block = child.stdio[pidReport.blockFd] as Duplex;
      // The view may fail to build, and then nobody reads the release.
      block.on('error', () => undefined);
      reported = collect(child.stdio[pidReport.infoFd] as Readable).then((text) => {
        block.end('1');
        return text === '' ? undefined : (JSON.parse(text) as { 'child-pid': number })['child-pid'];
      });
    }
    const [end, out, err, pid] = await Promise.all([ended, stdout, stderr, reported]);
    return { ...end, stdout: out, stderr: err, reportedPid: pid ?? -1 };
  } finally {
    clearTimeout(timer);
    for (const descriptor of opened) closeSync(descriptor);
    rmSync(directory, { recursive: true, force: true });
  }
}

async function collect(stream: Readable | null | undefined): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream ?? []) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}
