import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Sandbox } from '@boxlite/core';
import { NATIVE_BINARIES } from '@boxlite/platform';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { createJailer } from '../src/index.js';

// In a file of its own: whether views can be mounted is found out once a process.
let programs: string;

beforeAll(async () => {
  programs = await mkdtemp('/var/tmp/boxlite-no-view-tree-');
  // A directory is taken for one of native programs when all of them are in it.
  for (const name of Object.keys(NATIVE_BINARIES)) await writeFile(join(programs, name), '');
  // A system that lets none but bubblewrap make user namespaces.
  const helper = '#!/bin/sh\necho "boxlite-hand-over: mounts: unshare: Operation not permitted" >&2\nexit 120\n';
  await writeFile(join(programs, 'boxlite-hand-over'), helper);
  await chmod(join(programs, 'boxlite-hand-over'), 0o755);
  vi.stubEnv('BOXLITE_NATIVE_DIR', programs);
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await rm(programs, { recursive: true });
});

const sandbox: Sandbox = {
  name: 'viewer',
  takesViewTree: true,
  isAvailable: async () => ({ available: true }),
  setup: async () => ({ degradations: [] }),
  apply: (context, command) => ({
    ...command,
    args: [context.viewTree === undefined ? 'own view' : 'tree', ...command.args],
    pidReport: { kind: 'self' },
  }),
};
const cgroups = {
  prepare: async () => ({ enforced: { memory: false, processes: false, cpu: false, io: false }, degradations: [] }),
  release: async () => undefined,
};

it('Where no view can be mounted outside, the sandbox mounts it, and the jail says what that costs', async () => {
  const jail = createJailer({ id: 'refused', sandbox, paths: [], cgroups, stageB: '/bin/true' });
  expect(await jail.prepare()).toContain(
    'viewer mounts the view itself, in which what may be written may also be mapped as a program: boxlite-hand-over: mounts: unshare: Operation not permitted',
  );
  const { binary, args } = jail.command({ binary: '/bin/true', args: [], env: {} });
  expect(binary).toBe('/bin/true');
  expect(args[0]).toBe('own view');
});
