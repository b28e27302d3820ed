import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { StateStore } from '@boxlite/core';
import { openStateStore } from '@boxlite/db';
import { currentBootId, type HomeLayout, isAlive, selfIdentity } from '@boxlite/layout';
import { build } from 'tsup';
import { onTestFinished } from 'vitest';
import { BlobStore, createRegistryImageSource } from '../src/index.js';
import { temporaryHome } from './temporary-home.js';

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** Bundles `fixtures/pull-process.ts` with the sources as they are now. @returns its path, and what removes it */
export async function bundlePullProcess(): Promise<{ readonly program: string; remove(): Promise<void> }> {
  const outDir = await mkdtemp(join(tmpdir(), 'boxlite-pull-process-'));
  // A native module, and one that is imported by its names: not bundled, so found by their paths.
  const outside: Readonly<Record<string, string>> = {
    'better-sqlite3': createRequire(here('../../db/package.json')).resolve('better-sqlite3'),
    undici: createRequire(here('../package.json')).resolve('undici'),
  };
  await build({
    config: false,
    silent: true,
    entry: [here('./fixtures/pull-process.ts')],
    tsconfig: here('../../../tsconfig.json'),
    outDir,
    format: ['esm'],
    target: 'node20',
    outExtension: () => ({ js: '.mjs' }),
    noExternal: [/.*/],
    // Some of what is bundled is CommonJS and asks for modules of Node.js.
    banner: {
      js: "import { createRequire as requireOf } from 'node:module';const require = requireOf(import.meta.url);",
    },
    esbuildPlugins: [
      {
        name: 'modules by their paths',
        setup: (bundler) =>
          void bundler.onResolve({ filter: /^(better-sqlite3|undici)$/ }, ({ path }) => ({
            path: outside[path] ?? path,
            external: true,
          })),
      },
    ],
  });
  return { program: join(outDir, 'pull-process.mjs'), remove: () => rm(outDir, { recursive: true, force: true }) };
}

/** A home with its database, as this process sees it. */
export async function sharedHome() {
  const home = await temporaryHome();
  const state = await openState(home);
  const blobs = () => new BlobStore(home, { leases: state.leases });
  return {
    home,
    state,
    cache: () => ({ blobs: blobs(), store: state.images }),
    /** A source that remembers nothing. */
    source: () => createRegistryImageSource({ blobs: blobs(), store: state.images, dockerConfig: false }),
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
