import { spawn } from 'node:child_process';
import { throwIfAborted } from '@boxlite/core';

/** A helper that says more has lost its mind. */
const MAX_OUTPUT_BYTES = 64 * 1024;

export interface HelperRun {
  readonly stdout: string;
  readonly stderr: string;
  /** `exit`: by itself; the others ended it, or kept it from starting. */
  readonly ended:
    | { readonly kind: 'exit'; readonly code: number | null }
    | { readonly kind: 'timeout' | 'too-much' }
    | { readonly kind: 'not-started'; readonly error: NodeJS.ErrnoException };
}

export interface HelperCommand {
  readonly program: string;
  readonly args: readonly string[];
  readonly input: string;
  readonly timeoutMs: number;
  readonly environment: NodeJS.ProcessEnv;
  readonly signal: AbortSignal | undefined;
}

/**
 * Runs a program without a shell, in a process group of its own, and ends all of it when it takes too long or says too much.
 * @throws BoxliteError `aborted`
 */
export async function runHelper(command: HelperCommand): Promise<HelperRun> {
  const { program, args, input, timeoutMs, environment, signal } = command;
  const what = `asking ${program}`;
  throwIfAborted(signal, what);
  const run = await new Promise<HelperRun>((resolve) => {
    // Its own group, so that what a script started ends with it.
    const child = spawn(program, args, { env: environment, stdio: 'pipe', detached: true });
    const output = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
    const sizes = { stdout: 0, stderr: 0 };
    let exitCode: number | null | undefined;
    const settle = (ended: HelperRun['ended']) => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      const text = (chunks: readonly Buffer[]) => Buffer.concat(chunks).toString('utf8');
      resolve({ stdout: text(output.stdout), stderr: text(output.stderr), ended });
    };
    const end = (ended: HelperRun['ended']) => {
      killGroup(child.pid);
      for (const stream of [child.stdin, child.stdout, child.stderr]) stream.destroy();
      settle(ended);
    };
    const onAbort = () => end({ kind: 'timeout' });
    const timer = setTimeout(() => {
      // It has ended, and something it left behind holds its output open.
      if (exitCode !== undefined) end({ kind: 'exit', code: exitCode });
      else end({ kind: 'timeout' });
    }, timeoutMs);
    signal?.addEventListener('abort', onAbort);
    for (const name of ['stdout', 'stderr'] as const) {
      child[name].on('data', (chunk: Buffer) => {
        sizes[name] += chunk.byteLength;
        if (sizes[name] > MAX_OUTPUT_BYTES) end({ kind: 'too-much' });
        else output[name].push(chunk);
      });
    }
    child.on('error', (error) => {
      if (child.pid === undefined) settle({ kind: 'not-started', error });
    });
    child.on('exit', (code) => {
      exitCode = code;
    });
    child.on('close', (code) => settle({ kind: 'exit', code }));
    // A helper need not read what it is told before it ends.
    child.stdin.on('error', () => undefined).end(input);
  });
  throwIfAborted(signal, what);
  return run;
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // ESRCH: all of it has ended already.
  }
}
