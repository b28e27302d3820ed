import { spawn } from 'node:child_process';
import { openSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Plugin } from '@boxlite/core';
import { type PluginSetup, pluginConformance } from '@boxlite/core/testing';
import { afterAll } from 'vitest';
import { type Mutant, mutantTests } from './mutant-tests.js';

type Mutation = Partial<PluginSetup>;

const litter: (() => void)[] = [];
afterAll(() => {
  for (const remove of litter) remove();
});

const sleeper = () => {
  const child = spawn('/bin/sleep', ['1000'], { stdio: 'ignore' });
  litter.push(() => child.kill('SIGKILL'));
};

/** The least that is a plugin: a disk store that can do nothing. */
const model = (): Plugin => ({
  kind: 'disk-store',
  id: 'model',
  specificationVersion: 'v1',
  probe: async () => ({ available: true, detail: 'always' }),
  create: () => ({ id: 'model', createChild: async () => undefined }),
});
const absent = (): Plugin => ({
  ...model(),
  probe: async () => ({ available: false, reason: 'it is not installed', remedy: 'install it' }),
});
const right: PluginSetup = {
  createPlugin: model,
  createUnavailable: absent,
  context: undefined,
  members: ['id', 'createChild'],
};

const plugins = (change: () => Partial<Plugin>): Mutation => ({ createPlugin: () => ({ ...model(), ...change() }) });
const unavailable = (change: () => Partial<Plugin>): Mutation => ({
  createUnavailable: () => ({ ...absent(), ...change() }),
});

const shared = model();

const mutants: Mutant<Mutation>[] = [
  {
    mistake: 'has an asynchronous factory',
    killedBy: 'the factory gives a value at once',
    mutation: { createPlugin: () => Promise.resolve(model()) as unknown as Plugin },
  },
  {
    mistake: 'is one value for everybody',
    killedBy: 'the factory gives a value at once',
    mutation: { createPlugin: () => shared },
  },
  {
    mistake: 'looks around when it is made',
    killedBy: 'the factory gives a value at once',
    mutation: plugins(() => {
      sleeper();
      return {};
    }),
  },
  { mistake: 'has an id of capitals', killedBy: 'a registry takes it', mutation: plugins(() => ({ id: 'My Store' })) },
  {
    mistake: 'is for contracts nobody has',
    killedBy: 'a registry takes it',
    mutation: plugins(() => ({ specificationVersion: 'v99' as 'v1' })),
  },
  {
    mistake: 'answers a probe with a bare boolean',
    killedBy: 'the probe says whether',
    mutation: plugins(() => ({ probe: async () => true as never })),
  },
  {
    mistake: 'can be probed once',
    killedBy: 'the probe says whether',
    mutation: plugins(() => {
      let probed = false;
      return {
        probe: async () => {
          if (probed) return { available: false, reason: 'busy', remedy: 'wait' };
          probed = true;
          return { available: true };
        },
      };
    }),
  },
  {
    mistake: 'throws where it is not available',
    killedBy: 'where what it needs is missing',
    mutation: unavailable(() => ({
      probe: async () => {
        throw new Error('cannot find module');
      },
    })),
  },
  {
    mistake: 'says that it is available where it is not',
    killedBy: 'where what it needs is missing',
    mutation: unavailable(() => ({ probe: async () => ({ available: true }) })),
  },
  {
    mistake: 'does not say what to do',
    killedBy: 'where what it needs is missing',
    mutation: unavailable(() => ({ probe: async () => ({ available: false, reason: 'no', remedy: '' }) })),
  },
  {
    mistake: 'leaves its probe running',
    killedBy: 'two probes at once',
    mutation: plugins(() => ({
      probe: async () => {
        sleeper();
        return { available: true };
      },
    })),
  },
  {
    mistake: 'keeps what it probed open',
    killedBy: 'two probes at once',
    mutation: plugins(() => ({
      probe: async () => {
        openSync(process.execPath, 'r');
        return { available: true };
      },
    })),
  },
  {
    mistake: 'leaves files of its probe',
    killedBy: 'two probes at once',
    mutation: plugins(() => ({
      probe: async () => {
        writeFileSync(join(tmpdir(), 'probed'), 'yes');
        return { available: true };
      },
    })),
  },
  {
    mistake: 'creates asynchronously',
    killedBy: 'create gives the implementation',
    mutation: plugins(() => ({ create: async () => ({ id: 'model', createChild: async () => undefined }) })),
  },
  {
    mistake: 'creates something else',
    killedBy: 'create gives the implementation',
    mutation: plugins(() => ({ create: () => ({ id: 'model' }) })),
  },
  {
    mistake: 'needs the findings of its probe to create',
    killedBy: 'create works without a probe',
    mutation: plugins(() => {
      let found: object | undefined;
      return {
        probe: async () => {
          found = { id: 'model', createChild: async () => undefined };
          return { available: true };
        },
        create: () => found,
      };
    }),
  },
];

mutantTests<Mutation>('Plugin', (mutation) => pluginConformance({ ...right, ...mutation }), mutants);
