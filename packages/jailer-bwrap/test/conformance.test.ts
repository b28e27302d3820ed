import { chown, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type ConfinedRun, runConfined, runConformance, sandboxConformance } from '@boxlite/core/testing';
import { afterAll, describe, it } from 'vitest';
import { createBwrapSandbox } from '../src/index.js';

const NOBODY = { uid: 65534, gid: 65534 };
const made: string[] = [];

afterAll(async () => {
  for (const directory of made) await rm(directory, { recursive: true, force: true });
});

/** Not below /tmp, which the view has its own of. */
async function makeDirectory(owner?: typeof NOBODY): Promise<string> {
  const directory = await mkdtemp(join('/var/tmp', 'boxlite-sandbox-'));
  made.push(directory);
  if (owner !== undefined) await chown(directory, owner.uid, owner.gid);
  return directory;
}

describe('bubblewrap, as the user of the test', () => {
  const cases = sandboxConformance({
    create: () => createBwrapSandbox(),
    busybox: '/bin/busybox',
    makeDirectory: () => makeDirectory(),
  });
  runConformance(cases, it);
});

// Only root can become somebody else; run as an ordinary user, the suite above is this one.
describe.skipIf(process.geteuid?.() !== 0)('bubblewrap, as an ordinary user', () => {
  const cases = sandboxConformance({
    create: () => createBwrapSandbox(),
    busybox: '/bin/busybox',
    makeDirectory: () => makeDirectory(NOBODY),
    run: (command): Promise<ConfinedRun> => runConfined(command, NOBODY),
  });
  runConformance(cases, it);
});
