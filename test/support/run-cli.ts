import { spawn, spawnSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { VMM_ENVIRONMENT } from './vmm-under-test.js';

export const REPOSITORY = fileURLToPath(new URL('../../', import.meta.url)).replace(/\/$/, '');
export const CLI = `${REPOSITORY}/packages/cli/bin/boxlite.js`;

/** How a process ended and what it said. */
export interface Finished {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: Buffer;
  readonly stderr: string;
}

export interface RunOptions {
  readonly home: string;
  readonly input?: Uint8Array;
  readonly env?: Readonly<Record<string, string>>;
  /** A user to run as, by `runuser`. */
  readonly user?: string;
  /** Where the repository is seen by that user. */
  readonly root?: string;
}

/** Starts the built `boxlite` as a person would, in its own process. */
export function spawnCli(args: readonly string[], options: RunOptions) {
  const cli = options.root === undefined ? CLI : CLI.replace(REPOSITORY, options.root);
  const command = [process.execPath, cli, ...args];
  const [program = '', ...rest] = options.user === undefined ? command : [...asUser(options.user), ...command];
  return spawn(program, rest, {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: {
      ...{ PATH: process.env.PATH ?? '', HOME: options.home, BOXLITE_HOME: options.home },
      ...VMM_ENVIRONMENT,
      ...options.env,
    },
  });
}

/** `runuser` with what an ordinary user who may use KVM has: membership in the group of its device. */
export function asUser(user: string): readonly string[] {
  const group = statSync('/dev/kvm', { throwIfNoEntry: false })?.gid ?? 0;
  const { stdout } = spawnSync('id', ['-g', user], { encoding: 'utf8' });
  const groups = group === 0 ? [] : ['-g', groupName(stdout.trim()), '-G', groupName(String(group))];
  return ['runuser', '-u', user, ...groups, '--'];
}

function groupName(gid: string): string {
  return spawnSync('getent', ['group', gid], { encoding: 'utf8' }).stdout.split(':')[0] ?? gid;
}

/** Runs the built `boxlite` to its end. */
export function runCli(args: readonly string[], options: RunOptions): Promise<Finished> {
  return new Promise((resolve, reject) => {
    const child = spawnCli(args, options);
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
    // A command may end without reading its input.
    child.stdin.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') reject(error);
    });
    child.on('error', reject);
    child.on('close', (status, signal) =>
      resolve({ status, signal, stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr).toString() }),
    );
    child.stdin.end(options.input ?? '');
  });
}
