import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { StateStore } from '@boxlite/core';
import { openStateStore } from '@boxlite/db';
import { BlobStore } from '@boxlite/images';
import { currentBootId, type HomeLayout, isAlive, selfIdentity } from '@boxlite/layout';
import { onTestFinished } from 'vitest';
import { temporaryHome } from '../../../packages/images/test/temporary-home.js';

/** A home with its database, as this process sees it. */
export async function sharedHome() {
  const home = await temporaryHome();
  const state = await openState(home);
  const blobs = () => new BlobStore(home, { leases: state.leases });
  return {
    home,
    state,
    cache: () => ({ blobs: blobs(), store: state.images }),
  };
}

async function openState(home: HomeLayout): Promise<StateStore> {
  const self = selfIdentity();
  const state = await openStateStore({ file: home.databaseFile, bootId: currentBootId(), self, isAlive });
  onTestFinished(() => state.close());
  return state;
}

export interface PullProcess {
  readonly child: ChildProcess;
  /** What it printed, when it has ended well. */
  readonly done: Promise<string>;
  kill(): Promise<void>;
}

/** Pulls in a process of its own. */
export function startPull(program: string, home: HomeLayout, reference: string): PullProcess {
  const child = spawn(process.execPath, [program, home.home, reference], { stdio: ['ignore', 'pipe', 'pipe'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  const [out, err]: [Buffer[], Buffer[]] = [[], []];
  child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
  const closed = once(child, 'close');
  const done = closed.then(([code]) => {
    if (code === 0) return Buffer.concat(out).toString().trim();
    throw new Error(`the process ended with ${code}: ${Buffer.concat(err).toString().slice(-2000)}`);
  });
  // The killed ones are not waited for.
  done.catch(() => undefined);
  const kill = async () => {
    child.kill('SIGKILL');
    await closed;
  };
  return { child, done, kill };
}

/** What comes first: an event, or the failure of one of the processes that should bring it about. */
export function orFailure<Result>(event: Promise<Result>, pulls: readonly PullProcess[]): Promise<Result> {
  const failures = pulls.map(
    ({ done }) => new Promise<never>((_resolve, reject) => void done.catch((thrown: unknown) => reject(thrown))),
  );
  return Promise.race([event, ...failures]);
}
