import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { type BoxId, parseBoxId } from '@boxlite/core';
import Database from 'better-sqlite3';
import { build } from 'tsup';
import { beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { identityOf, isAlive } from './fixtures/process-start.js';
import { openTestStore } from './open-test-store.js';
import { temporaryDirectory } from './temporary-directory.js';

const id: BoxId = parseBoxId('box1');
const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
let program: string;
let directory: string;
let file: string;

beforeAll(async () => {
  // A child runs the sources as they are now, not a build that may be old.
  const outDir = await mkdtemp(join(tmpdir(), 'bl-db-program-'));
  await build({
    config: false,
    silent: true,
    entry: [here('./fixtures/store-process.ts')],
    tsconfig: here('../../../tsconfig.json'),
    outDir,
    format: ['esm'],
    target: 'node20',
    outExtension: () => ({ js: '.mjs' }),
    noExternal: [/^@boxlite\//, 'zod'],
    esbuildPlugins: [
      {
        name: 'native module by its path',
        setup(bundler) {
          const path = createRequire(import.meta.url).resolve('better-sqlite3');
          bundler.onResolve({ filter: /^better-sqlite3$/ }, () => ({ path, external: true }));
        },
      },
    ],
  });
  program = join(outDir, 'store-process.mjs');
  return () => rm(outDir, { recursive: true, force: true });
});

beforeEach(async () => {
  directory = await temporaryDirectory();
  file = join(directory, 'db', 'boxlite.db');
});

/** Runs the program; it is killed when the test ends, if it still runs. */
function start(task: string, argument = ''): ChildProcess & { readonly lines: AsyncIterableIterator<string> } {
  const child = spawn(process.execPath, [program, task, file, argument], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return Object.assign(child, { lines });
}

async function nextLine(child: { readonly lines: AsyncIterableIterator<string> }): Promise<string> {
  const line = await child.lines.next();
  return line.done === true ? 'the process ended' : line.value;
}

async function kill(child: ChildProcess): Promise<void> {
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
}

describe('several processes on one home', () => {
  it('are in a leased section one at a time', async () => {
    const section = join(directory, 'section');
    const children = [start('race', section), start('race', section), start('race', section)];
    expect(await Promise.all(children.map(nextLine))).toEqual(['done', 'done', 'done']);
  });

  it('lose no change of state when they change it at the same time', async () => {
    const store = await openTestStore(file);
    await store.boxes.insert({ id, createdAt: 1, options: {} }, { status: 'configured', updatedAt: 1 });
    const children = [start('count'), start('count')];
    expect(await Promise.all(children.map(nextLine))).toEqual(['done', 'done']);
    expect((await store.boxes.get(id))?.state.exitCode).toBe(200);
  });
});

describe('kill -9', () => {
  it('of a lease’s holder frees the lease, and not before', async () => {
    const store = await openTestStore(file, { self: identityOf(process.pid)!, isAlive });
    const holder = start('hold', 'home');
    expect(await nextLine(holder)).toBe('held');
    const refusal = store.leases.acquire('home', 'gc');
    await expect(refusal).rejects.toMatchObject({
      code: 'lease_held',
      details: { holders: [{ ...identityOf(holder.pid!), bootId: 'boot', purpose: 'hold' }] },
    });
    await kill(holder);
    expect((await store.leases.acquire('home', 'gc')).entity).toBe('home');
  });

  it('while somebody waits for the lease lets the waiting one have it', async () => {
    const store = await openTestStore(file, { self: identityOf(process.pid)!, isAlive });
    const holder = start('hold', 'home');
    expect(await nextLine(holder)).toBe('held');
    const waiting = store.leases.acquire('home', 'gc', { waitMs: 30_000 });
    await kill(holder);
    expect((await waiting).purpose).toBe('gc');
  });

  it('in the middle of writes leaves a whole database with every change that was reported', async () => {
    const first = await openTestStore(file);
    await first.boxes.insert({ id, createdAt: 1, options: {} }, { status: 'configured', updatedAt: 1 });
    await first.close();
    for (const killAfter of [1, 20, 75]) {
      const writer = start('write');
      let reported = 0;
      while (reported < killAfter) reported = Number(await nextLine(writer));
      await kill(writer);
      for await (const line of writer.lines) reported = Number(line);
      const store = await openTestStore(file);
      // The last commit may not have been reported any more.
      const found = (await store.boxes.get(id))?.state.exitCode;
      expect([reported, reported + 1]).toContain(found);
      await store.close();
      const database = new Database(file);
      expect(database.pragma('integrity_check', { simple: true })).toBe('ok');
      database.close();
    }
  });
});
