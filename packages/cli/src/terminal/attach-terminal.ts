import { spawnSync } from 'node:child_process';
import { constants } from 'node:os';
import { BoxliteError } from '@boxlite/core';
import type { ExecStatus, Execution } from '@boxlite/sdk';
import type { SignalRelay } from './signal-relay.js';

export interface AttachOptions {
  /** Pass this process's stdin on. */
  readonly stdin: boolean;
  readonly tty: boolean;
  /** Signals to this process reach the command through it. */
  readonly signals: SignalRelay;
}

/** The size of the terminal behind stdout; a tty that knows none gets the classic one. */
export function terminalSize(): { readonly rows: number; readonly columns: number } {
  return { rows: process.stdout.rows || 24, columns: process.stdout.columns || 80 };
}

/**
 * Joins a command to this process: stdin, stdout, stderr, window size and signals, until it ends.
 * @throws BoxliteError when the box is lost meanwhile
 */
export async function attachTerminal(
  execution: Execution,
  { stdin, tty, signals }: AttachOptions,
): Promise<ExecStatus> {
  const undo: (() => void)[] = [];
  signals.forwardTo((signal) => void execution.signal(signal).catch(ignoreGone));
  if (tty) undo.push(...watchTerminal(execution));
  const input = stdin ? pumpInput(execution) : { stop: () => undefined };
  try {
    const [status] = await Promise.all([
      execution.wait(),
      pumpOutput(execution, execution.stdout, process.stdout),
      pumpOutput(execution, execution.stderr, process.stderr),
    ]);
    return status;
  } finally {
    input.stop();
    for (const step of undo.reverse()) step();
  }
}

function watchTerminal(execution: Execution): (() => void)[] {
  const resize = (): void => {
    const { rows, columns } = terminalSize();
    void execution.resize(rows, columns).catch(ignoreGone);
  };
  process.stdout.on('resize', resize);
  const undo = [() => void process.stdout.off('resize', resize)];
  if (process.stdin.isTTY) {
    process.stdin.setRawMode(true);
    // Node's raw mode still turns the command's "\n" into "\r\n"; the command's own terminal has done that where it was wanted.
    spawnSync('stty', ['-opost'], { stdio: ['inherit', 'ignore', 'ignore'] });
    undo.push(() => void process.stdin.setRawMode(false));
  }
  return undo;
}

/** Pulls, so that no more of stdin is read than the guest has taken. */
function pumpInput(execution: Execution): { stop(): void } {
  let stopped = false;
  const pump = async (): Promise<void> => {
    try {
      for await (const chunk of process.stdin) await execution.stdin.write(chunk as Uint8Array);
    } catch (thrown) {
      // Our own end of the input below, or the command is gone. Else the terminal is: then the input has ended.
      if (stopped || BoxliteError.isInstance(thrown)) return;
    }
    await execution.stdin.end();
  };
  void pump().catch(ignoreGone);
  return {
    stop() {
      stopped = true;
      process.stdin.destroy();
    },
  };
}

async function pumpOutput(
  execution: Execution,
  from: AsyncIterable<Uint8Array>,
  to: NodeJS.WriteStream,
): Promise<void> {
  let broken = false;
  const onError = (): void => {
    // The reader went away (`| head`): what a local command would get is SIGPIPE.
    broken = true;
    void execution.signal(constants.signals.SIGPIPE).catch(ignoreGone);
  };
  to.on('error', onError);
  for await (const chunk of from) {
    if (broken) continue;
    if (!to.write(chunk)) await new Promise<void>((resolve) => drained(to, resolve));
  }
}

function drained(stream: NodeJS.WriteStream, done: () => void): void {
  const settle = (): void => {
    stream.off('drain', settle);
    stream.off('error', settle);
    stream.off('close', settle);
    done();
  };
  stream.once('drain', settle);
  stream.once('error', settle);
  stream.once('close', settle);
}

/** The command or its box may end at any moment; `wait()` tells that, these calls need not. */
function ignoreGone(thrown: unknown): void {
  if (!BoxliteError.isInstance(thrown)) throw thrown;
}
