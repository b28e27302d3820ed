import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Plugin, ProbeResult } from '../contracts/plugin.js';
import { PluginRegistry } from '../registry/plugin-registry.js';
import type { ConformanceCase } from './conformance-case.js';
import { defineCases, type RuledCases } from './define-cases.js';
import { eventuallyNone } from './eventually.js';
import { openDescriptors } from './processes.js';
import { spawnsDuring } from './spawns-during.js';
import { newProcesses, surroundings } from './surroundings.js';

/** What {@link pluginConformance} works on. */
export interface PluginSetup {
  /** The plugin's factory. */
  createPlugin(): Plugin;
  /** The same where what it needs is missing (another `PATH`, no such library); left out by a plugin that needs nothing. */
  createUnavailable?(): Plugin;
  /** What `create` is given. */
  readonly context: unknown;
  /** Members of the contract every implementation has, such as `check` and `start`. */
  readonly members: readonly string[];
  /** Milliseconds after which a case counts as hung; default 45 000. */
  readonly deadlineMs?: number;
}

/** What every {@link Plugin} does, whatever it is a plugin for. */
export function pluginConformance(setup: PluginSetup): ConformanceCase[] {
  return defineCases<PluginSetup>(
    { contract: 'Plugin', deadlineMs: setup.deadlineMs, around: (check) => check(setup) },
    cases,
  );
}

const cases: RuledCases<PluginSetup> = {
  'A plugin is a plain value, made by a synchronous factory without I/O': {
    'the factory gives a value at once, each time another, and spawns nothing': async ({ createPlugin }) => {
      const spawned = await spawnsDuring(async () => {
        const [one, other] = [createPlugin(), createPlugin()];
        assert.ok(!(one instanceof Promise), 'the factory is asynchronous');
        assert.notEqual(one, other);
        assert.deepEqual([one.kind, one.id], [other.kind, other.id]);
      });
      assert.equal(spawned, 0, 'a process was spawned');
    },
  },
  'Unique within its kind: lower-case letters, digits and dashes, at most 64': {
    'a registry takes it, and refuses it twice': async ({ createPlugin }) => {
      const registry = new PluginRegistry().register(createPlugin());
      assert.throws(() => registry.register(createPlugin()), { code: 'plugin_duplicate' });
    },
  },
  'it may do I/O, must not throw for "not here" (that is `available: false`), and must leave nothing behind': {
    'the probe says whether it is available, the same when asked again': async ({ createPlugin }) => {
      const plugin = createPlugin();
      const results = [await plugin.probe(), await plugin.probe()];
      for (const result of results) assertWellFormed(result);
      assert.equal(results[0]?.available, results[1]?.available);
    },
    'where what it needs is missing the probe says why, and what to do': async ({ createUnavailable }) => {
      if (createUnavailable === undefined) return;
      const result = await createUnavailable().probe();
      assertWellFormed(result);
      assert.equal(result.available, false, 'it is available nonetheless');
    },
    'two probes at once leave no process, temporary file or descriptor': async ({
      createPlugin,
      createUnavailable,
    }) => {
      const temporary = await mkdtemp(join(tmpdir(), 'plugin-probe-'));
      const environment = process.env.TMPDIR;
      process.env.TMPDIR = temporary;
      try {
        // What this process opens once for all its life is open afterwards.
        await createPlugin().probe();
        const before = surroundings();
        const descriptors = new Set(openDescriptors());
        const plugin = createPlugin();
        await Promise.all([plugin.probe(), plugin.probe(), createUnavailable?.().probe()]);
        await eventuallyNone(() => newProcesses(before), 'processes are left');
        await eventuallyNone(() => openDescriptors().filter((one) => !descriptors.has(one)), 'descriptors are left');
        assert.deepEqual(await readdir(temporary), [], 'temporary files are left');
      } finally {
        if (environment === undefined) delete process.env.TMPDIR;
        else process.env.TMPDIR = environment;
        await rm(temporary, { recursive: true, force: true });
      }
    },
  },
  '`create(context)` does no I/O and returns the implementation of the contract named by `kind`': {
    'create gives the implementation at once and spawns nothing': async ({ createPlugin, context, members }) => {
      const plugin = createPlugin();
      await plugin.load?.();
      await plugin.probe();
      const spawned = await spawnsDuring(async () => assertImplements(plugin.create(context), members));
      assert.equal(spawned, 0, 'a process was spawned');
    },
  },
  'It is called after a successful probe, and without a probe where something made with the plugin earlier is only attached to':
    {
      'create works without a probe': async ({ createPlugin, context, members }) => {
        const plugin = createPlugin();
        await plugin.load?.();
        assertImplements(plugin.create(context), members);
      },
    },
};

function assertWellFormed(result: ProbeResult): void {
  assert.equal(typeof result.available, 'boolean', `the probe says ${JSON.stringify(result)}`);
  if (result.available) return;
  assert.ok(result.reason?.length > 0, 'it does not say why it is not available');
  assert.ok(result.remedy?.length > 0, 'it does not say what would change that');
}

function assertImplements(implementation: unknown, members: readonly string[]): void {
  assert.ok(typeof implementation === 'object' && implementation !== null, 'create gives no object');
  assert.ok(!(implementation instanceof Promise), 'create is asynchronous');
  const missing = members.filter((member) => !(member in implementation));
  assert.deepEqual(missing, [], 'members of the contract are missing');
}
