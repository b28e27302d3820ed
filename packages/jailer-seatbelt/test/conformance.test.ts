import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { pluginConformance, runConformance, sandboxConformance } from '@boxlite/core/testing';
import { afterAll, describe, it } from 'vitest';
import { createSeatbeltSandbox, seatbeltSandboxPlugin } from '../src/index.js';

const isMac = process.platform === 'darwin';
/** On Linux a program that takes sandbox-exec's place: it checks what it is given and confines nothing. */
const STAND_IN = isMac
  ? {}
  : { platform: 'darwin', sandboxExecPath: fileURLToPath(new URL('./fake-sandbox-exec.sh', import.meta.url)) };

/** What only a kernel that enforces the profile can show. What a profile says of it, path-access.test.ts and property.test.ts show. */
const NEEDS_ENFORCEMENT =
  /cannot be (written|read)|stays read-only|stay hidden|is hidden|its neighbours are not|without network|devices of the host are not/;
/** The contract of a sandbox that changes ids, or has a network, a `/tmp` and files of its own. */
const NEEDS_A_VIEW = /the ids asked for/;

const made: string[] = [];
afterAll(async () => {
  for (const directory of made) await rm(directory, { recursive: true, force: true });
});

describe(isMac ? 'seatbelt' : 'seatbelt over a stand-in for sandbox-exec', () => {
  const cases = sandboxConformance({
    create: () => createSeatbeltSandbox(STAND_IN),
    busybox: '/bin/busybox',
    async makeDirectory() {
      const directory = await mkdtemp(join(tmpdir(), 'seatbelt-conformance-'));
      made.push(directory);
      return directory;
    },
  });
  const leftOut = (name: string) => NEEDS_A_VIEW.test(name) || (!isMac && NEEDS_ENFORCEMENT.test(name));
  runConformance(
    cases.filter(({ name }) => !leftOut(name)),
    it,
  );
  for (const { name } of cases.filter((one) => leftOut(one.name))) {
    it.skip(`${name} (${NEEDS_A_VIEW.test(name) ? 'macOS has no such thing' : 'needs macOS to enforce the profile'})`);
  }
});

describe('seatbelt as a plugin', () => {
  const suite = pluginConformance({
    createPlugin: () => seatbeltSandboxPlugin(STAND_IN),
    createUnavailable: () => seatbeltSandboxPlugin({ ...STAND_IN, sandboxExecPath: '/nonexistent/sandbox-exec' }),
    context: undefined,
    members: ['name', 'isAvailable', 'setup', 'apply'],
  });
  runConformance(suite, it);
});
