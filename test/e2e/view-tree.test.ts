import { chown, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Sandbox, SandboxContext } from '@boxlite/core';
import { type ConfinedRun, runConfined, runConformance, sandboxConformance } from '@boxlite/core/testing';
import { prepareViewTree, type ViewTree } from '@boxlite/jailer';
import { createBwrapSandbox } from '@boxlite/jailer-bwrap';
import { afterAll, beforeAll, describe, it } from 'vitest';

const NOBODY = { uid: 65534, gid: 65534 };
const EMPTY: SandboxContext = { id: 'empty', paths: [], resourceLimits: {}, networkEnabled: false };
const made: string[] = [];
let viewTree: ViewTree | undefined;

beforeAll(async () => {
  const prepared = await prepareViewTree(createBwrapSandbox(), EMPTY);
  if (prepared === undefined || 'reason' in prepared)
    throw new Error(`no view is mounted outside: ${prepared?.reason}`);
  viewTree = prepared;
});
afterAll(async () => {
  for (const directory of made) await rm(directory, { recursive: true, force: true });
});

/** Not below /tmp, which the view has its own of. */
async function makeDirectory(owner?: typeof NOBODY): Promise<string> {
  const directory = await mkdtemp(join('/var/tmp', 'boxlite-view-tree-'));
  made.push(directory);
  if (owner !== undefined) await chown(directory, owner.uid, owner.gid);
  return directory;
}

/** What the jailer makes of bubblewrap, without what it puts inside. */
function bwrapWithTree(): Sandbox {
  const bwrap = createBwrapSandbox();
  return {
    ...bwrap,
    apply(context, command) {
      const tree = viewTree as ViewTree;
      return tree.wrap(bwrap.apply({ ...context, ...withTree(tree) }, command));
    },
  };
}

function withTree({ context: { viewTree: fd } }: ViewTree) {
  return fd === undefined ? {} : { viewTree: fd };
}

describe('A view mounted before bubblewrap shows what bubblewrap itself would, as the user of the test', () => {
  const cases = sandboxConformance({
    create: bwrapWithTree,
    busybox: '/bin/busybox',
    makeDirectory: () => makeDirectory(),
  });
  runConformance(cases, it);
});

// Only root can become somebody else; run as an ordinary user, the suite above is this one.
describe.skipIf(process.geteuid?.() !== 0)(
  'A view mounted before bubblewrap shows the same, as an ordinary user',
  () => {
    const cases = sandboxConformance({
      create: bwrapWithTree,
      busybox: '/bin/busybox',
      makeDirectory: () => makeDirectory(NOBODY),
      run: (command): Promise<ConfinedRun> => runConfined(command, NOBODY),
    });
    runConformance(cases, it);
  },
);
