import { chown, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { runConfined, runConformance, sandboxConformance } from '@boxlite/core/testing';
import { afterAll, describe, it } from 'vitest';
import { createLandlockSandbox } from '../src/index.js';
import { thisHost } from '../src/landlock-host.js';
import { createLandlockSandboxOn } from '../src/landlock-sandbox.js';

const NOBODY = { uid: 65534, gid: 65534 };
const made: string[] = [];

afterAll(async () => {
  for (const directory of made) await rm(directory, { recursive: true, force: true });
});

async function makeDirectory(owner?: typeof NOBODY): Promise<string> {
  const directory = await mkdtemp(join('/var/tmp', 'boxlite-landlock-'));
  made.push(directory);
  if (owner !== undefined) await chown(directory, owner.uid, owner.gid);
  return directory;
}

/** Landlock only ever adds: what it cannot take away again it refuses. */
const REFUSES = ['hide', 'read-only-below-writable', 'links'] as const;

describe('Landlock alone, as the user of the test', () => {
  const isRoot = process.geteuid?.() === 0;
  const cases = sandboxConformance({
    create: () => createLandlockSandbox(),
    busybox: '/bin/busybox',
    makeDirectory: () => makeDirectory(),
    refuses: isRoot ? REFUSES : [...REFUSES, 'ids'],
  });
  runConformance(cases, it);
});

// Only root can become somebody else; run as an ordinary user, the suite above is this one.
describe.skipIf(process.geteuid?.() !== 0)('Landlock alone, as an ordinary user', () => {
  const cases = sandboxConformance({
    create: () => createLandlockSandboxOn({ ...thisHost, ids: () => NOBODY }),
    busybox: '/bin/busybox',
    makeDirectory: () => makeDirectory(NOBODY),
    run: (command) => runConfined(command, NOBODY),
    refuses: [...REFUSES, 'ids'],
  });
  runConformance(cases, it);
});
