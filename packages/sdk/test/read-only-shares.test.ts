import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Sandbox } from '@boxlite/core';
import { expect, it, onTestFinished } from 'vitest';
import { parseBoxOptions } from '../src/options/box-options.js';
import { defaultRegistry } from '../src/registry/default-registry.js';
import { assembleServices } from '../src/runtime/assemble-services.js';

/** Services of a home with a stranger's sandbox `strange`. */
async function servicesWith(ability: Pick<Sandbox, 'readOnlyMounts'>) {
  const homeDir = await mkdtemp(join(tmpdir(), 'boxlite-strange-'));
  const registry = defaultRegistry({ homeDir });
  const sandbox: Sandbox = {
    ...{ name: 'strange', ...ability },
    isAvailable: async () => ({ available: true }),
    setup: async () => ({ degradations: [] }),
    apply: (_context, command) => ({ ...command, pidReport: { kind: 'self' } }),
  };
  registry.register({
    ...{ kind: 'sandbox', id: 'strange', specificationVersion: 'v1' },
    probe: async () => ({ available: true }),
    create: () => sandbox,
  });
  const owner = {
    lifetime: new AbortController().signal,
    boxRemoved: async () => undefined,
    hooks: {},
    newBoxes: { claim: async () => Promise.reject(new Error('none is made')), handOut: async () => undefined },
    startedCold: () => undefined,
    boxUsed: () => undefined,
  };
  const services = await assembleServices({ homeDir, registry }, owner);
  onTestFinished(async () => {
    await services.store.close();
    await rm(homeDir, { recursive: true, force: true });
  });
  return (security: object, id = 'strange') => services.showsReadOnly(parseBoxOptions({ sandbox: id, security }));
}

it('a read-only volume is enforced by the jail only where its sandbox says that it holds it, and the jail is required', async () => {
  const silent = await servicesWith({});
  expect(await silent({})).toBe(false);
  const holding = await servicesWith({ readOnlyMounts: true });
  expect(await holding({})).toBe(true);
  expect(await holding({ jailer: 'best-effort' })).toBe(false);
  expect(await holding({ jailer: 'off' })).toBe(false);
});

it.runIf(process.platform === 'linux')(
  'bubblewrap says so, also with Landlock inside it; Landlock alone does not',
  async () => {
    const shows = await servicesWith({});
    expect(await shows({}, 'bwrap')).toBe(true);
    expect(await shows({}, 'bwrap+landlock')).toBe(true);
    expect(await shows({}, 'landlock')).toBe(false);
  },
);
