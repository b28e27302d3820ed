import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { BoxliteError, type ErrorCode } from '@boxlite/core';
import type { BoxInfo, BoxOptions, ExecStatus, StageName, StopOptions } from '@boxlite/sdk';

/** Where a host process stops dead, so that it is killed at exactly that point. */
export type Breakpoint = (
  | { readonly stage: StageName }
  /** Before a call of node:fs/promises with a path that matches. */
  | { readonly call: 'rm' | 'rename' | 'link' | 'unlink' | 'open'; readonly path: string }
) & {
  /** True: it only says that it got there, and goes on. */
  readonly running?: boolean;
};

/** What a host process can be asked to do; ids are box ids, or of executions. */
export interface HostCalls {
  open(): Promise<void>;
  create(options: BoxOptions): Promise<string>;
  start(id: string): Promise<void>;
  run(id: string, command: string, args?: readonly string[]): Promise<{ exitCode: number; stdout: string }>;
  exec(id: string, command: string, args?: readonly string[]): Promise<string>;
  wait(execution: string): Promise<ExecStatus>;
  stop(id: string, options?: Pick<StopOptions, 'graceMs'>): Promise<void>;
  info(id: string): Promise<BoxInfo>;
  list(): Promise<readonly BoxInfo[]>;
  remove(id: string, options?: { readonly force?: boolean }): Promise<void>;
  shutdown(): Promise<void>;
  break(at: Breakpoint | null): Promise<void>;
}

interface Pending {
  resolve(value: unknown): void;
  reject(reason: Error): void;
}

/** A process of its own that runs boxes with the built SDK. */
export interface HostProcess extends AsyncDisposable {
  readonly pid: number;
  readonly call: HostCalls;
  /** Resolves when it has reached its breakpoint; rejects when it ends before. */
  frozen(): Promise<void>;
  /** `kill -9`; resolves when it is gone. Calls that are going on reject. */
  kill(): Promise<void>;
  /** Lets it end by itself, as a program does whose last line was run. @returns its exit status */
  finish(): Promise<number | null>;
}

const FIXTURE = fileURLToPath(new URL('../fixtures/host.mjs', import.meta.url));

/**
 * Starts a host process and opens the home in it.
 * @param breakpoint reached while the home is being opened, which is not waited for then
 */
export async function hostProcess(home: string, breakpoint?: Breakpoint): Promise<HostProcess> {
  const child = fork(FIXTURE, [home], {
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    execArgv: [],
    env: { ...process.env, BREAKPOINT: JSON.stringify(breakpoint ?? null) },
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
  const call = callsOf(child, pending);
  const host: HostProcess = {
    pid: child.pid ?? 0,
    call,
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
    [Symbol.asyncDispose]: () => host.kill(),
  };
  await ready.promise;
  const opened = call.open();
  if (breakpoint === undefined) await opened;
  else opened.catch(() => undefined); // it ends with its process
  return host;
}

interface RemoteError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint?: string;
  readonly details: Record<string, unknown>;
}

function callsOf(child: ChildProcess, pending: Map<number, Pending>): HostCalls {
  let last = 0;
  return new Proxy({} as HostCalls, {
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
