import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { BoxliteError, type ErrorCode } from '@boxlite/core';
import type { StageName, TemplateStep } from '@boxlite/sdk';

/** Where a process stops dead, so that it is killed at exactly that point. */
export type Breakpoint = (
  | { readonly stage: StageName | `template-${TemplateStep}` }
  /** Before a call of node:fs or node:fs/promises with a path that matches. */
  | { readonly call: 'rm' | 'rename' | 'link' | 'unlink' | 'open' | 'copyFile' | 'lutimes'; readonly path: string }
  /** When a server listens on a socket with a path that matches. */
  | { readonly call: 'listen'; readonly path: string }
) & {
  /** True: it only says that it got there, and goes on. */
  readonly running?: boolean;
};

/** A process of its own that does what it is told. */
export interface CalledProcess<Calls> extends AsyncDisposable {
  readonly pid: number;
  readonly call: Calls;
  /** Resolves when it has reached its breakpoint; rejects when it ends before. */
  frozen(): Promise<void>;
  /** `kill -9`; resolves when it is gone. Calls that are going on reject. */
  kill(): Promise<void>;
  /** Lets it end by itself, as a program does whose last line was run. @returns its exit status */
  finish(): Promise<number | null>;
}

interface Pending {
  resolve(value: unknown): void;
  reject(reason: Error): void;
}

/**
 * Starts a program that serves calls (../fixtures/serve-calls.mjs); resolves when it is ready for them.
 * @param uid the user and group it is of; default: those of this process
 */
export async function calledProcess<Calls extends object>(
  program: string,
  args: readonly string[],
  breakpoint?: Breakpoint,
  uid?: number,
): Promise<CalledProcess<Calls>> {
  const child = fork(program, args, {
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    execArgv: [],
    ...(uid === undefined ? {} : { uid, gid: uid }),
    env: {
      ...process.env,
      // That of `nobody`; another user's cannot be read.
      ...(uid === undefined ? {} : { HOME: '/nonexistent' }),
      BREAKPOINT: JSON.stringify(breakpoint ?? null),
    },
  });
  const pending = new Map<number, Pending>();
  let frozen = deferred();
  const exited = once(child, 'exit').then(([status]) => status as number | null);
  const ready = deferred();
  child.on('message', (message: { ready?: true; id: number; result?: unknown; error?: RemoteError }) => {
    if (message.ready) ready.resolve();
    else settle(pending, message);
  });
  if (child.stdout === null) throw new TypeError('the fixture has no stdout');
  createInterface(child.stdout).on('line', () => frozen.resolve());
  void exited.then(() => {
    const gone = new Error('the host process has ended');
    for (const { reject } of pending.values()) reject(gone);
    frozen.reject(gone);
    ready.reject(gone);
  });
  const called: CalledProcess<Calls> = {
    pid: child.pid ?? 0,
    call: callsOf<Calls>(child, pending),
    async frozen() {
      await frozen.promise;
      frozen = deferred();
    },
    async kill() {
      child.kill('SIGKILL');
      await exited;
    },
    async finish() {
      child.disconnect();
      return exited;
    },
    [Symbol.asyncDispose]: () => called.kill(),
  };
  await ready.promise;
  return called;
}

interface RemoteError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint?: string;
  readonly details: Record<string, unknown>;
}

function callsOf<Calls extends object>(child: ChildProcess, pending: Map<number, Pending>): Calls {
  let last = 0;
  return new Proxy({} as Calls, {
    get: (_target, name) => {
      return (...args: unknown[]) =>
        new Promise((resolve, reject) => {
          last += 1;
          pending.set(last, { resolve, reject });
          child.send({ id: last, name, args });
        });
    },
  });
}

function settle(pending: Map<number, Pending>, message: { id: number; result?: unknown; error?: RemoteError }): void {
  const waiting = pending.get(message.id);
  pending.delete(message.id);
  if (message.error === undefined) {
    waiting?.resolve(message.result);
    return;
  }
  const { code, message: text, hint, details } = message.error;
  waiting?.reject(new BoxliteError(code, text, { ...(hint === undefined ? {} : { hint }), details }));
}

function deferred() {
  let resolve = (): void => undefined;
  let reject = (_reason: Error): void => undefined;
  const promise = new Promise<void>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  promise.catch(() => undefined); // whoever waits for it gets the reason
  return { promise, resolve, reject };
}
