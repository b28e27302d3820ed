import { chown, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { JailCommand, SandboxContext } from '@boxlite/core';
import { runConfined, runConformance, sandboxConformance } from '@boxlite/core/testing';
import { createCompositeSandbox } from '@boxlite/jailer';
import { createBwrapSandbox } from '@boxlite/jailer-bwrap';
import { createLandlockSandbox } from '@boxlite/jailer-landlock';
import { afterAll, describe, expect, it } from 'vitest';

const BUSYBOX = '/bin/busybox';
const NOBODY = { uid: 65534, gid: 65534 };
const made: string[] = [];
afterAll(async () => {
  for (const directory of made) await rm(directory, { recursive: true, force: true });
});

async function makeDirectory(owner?: typeof NOBODY): Promise<string> {
  const directory = await mkdtemp(join('/var/tmp', 'boxlite-composite-'));
  made.push(directory);
  if (owner !== undefined) await chown(directory, owner.uid, owner.gid);
  return directory;
}

const create = () => createCompositeSandbox([createBwrapSandbox(), createLandlockSandbox()]);

describe('bubblewrap with Landlock inside it is a sandbox like any other, as the user of the test', () => {
  runConformance(sandboxConformance({ create, busybox: BUSYBOX, makeDirectory: () => makeDirectory() }), it);
});

// Only root can become somebody else; run as an ordinary user, the suite above is this one.
describe.skipIf(process.geteuid?.() !== 0)('bubblewrap with Landlock inside it, as an ordinary user', () => {
  const setup = { create, busybox: BUSYBOX, makeDirectory: () => makeDirectory(NOBODY) };
  runConformance(sandboxConformance({ ...setup, run: (command) => runConfined(command, NOBODY) }), it);
});

describe('bubblewrap and Landlock together', () => {
  async function shell(script: string, parts: Partial<SandboxContext> = {}) {
    const sandbox = create();
    await sandbox.isAvailable();
    const paths = [{ path: BUSYBOX, writable: false }, ...(parts.paths ?? [])];
    const context: SandboxContext = { id: 'both', resourceLimits: {}, networkEnabled: false, ...parts, paths };
    const { layers = [], degradations } = await sandbox.setup(context);
    const args = ['sh', '-c', `b() { ${BUSYBOX} "$@"; }\n${script}`];
    const command: JailCommand = { binary: BUSYBOX, args, env: {} };
    return { ...(await runConfined(sandbox.apply(context, command))), layers, degradations };
  }

  it('hold what neither does alone: the view hides, and what was written in it does not run', async () => {
    const directory = await makeDirectory();
    const writable = [{ path: directory, writable: true }];
    const script = `b cat /etc/hostname || echo hidden; b cp ${BUSYBOX} /tmp/mine; b cp ${BUSYBOX} ${directory}/mine
      for mine in /tmp/mine ${directory}/mine; do $mine true || echo not run; done`;
    expect((await shell(script, { paths: writable })).stdout).toBe('hidden\nnot run\nnot run\n');
  });

  it('tell both layers', async () => {
    const { layers } = await shell('true');
    const active = layers.filter(({ state }) => state !== 'inactive').map(({ name }) => name);
    expect(active).toEqual(expect.arrayContaining(['namespaces', 'view', 'landlock']));
    expect(layers.find(({ name }) => name === 'landlock')?.detail).toMatch(/^ABI \d+: files/);
  });
});
