import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

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
  const [program = '', ...rest] =
    options.user === undefined ? command : ['runuser', '-u', options.user, '--', ...command];
  return spawn(program, rest, {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { PATH: process.env.PATH ?? '', HOME: options.home, BOXLITE_HOME: options.home, ...options.env },
  });
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
