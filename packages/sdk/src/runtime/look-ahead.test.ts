import { describe, expect, it } from 'vitest';
import { parseBoxOptions } from '../options/box-options.js';
import { lookAhead } from './look-ahead.js';

function looked(fails = false) {
  const done: string[] = [];
  const look = lookAhead({
    agent: async () => {
      done.push('agent');
      if (fails) throw new Error('no agent');
    },
    sandbox: async () => {
      done.push('sandbox');
      if (fails) throw new Error('no sandbox');
      return {
        isAvailable: async () => {
          done.push('tried');
          return { available: true };
        },
      };
    },
  });
  return { done, look };
}

describe('looking ahead', () => {
  it('begins with the agent and the trial of the sandbox at the first start, without waiting, and only then', async () => {
    const { done, look } = looked();
    look(parseBoxOptions({}));
    look(parseBoxOptions({}));
    await expect.poll(() => done).toEqual(['sandbox', 'agent', 'tried']);
  });

  it.each([{ jailer: 'off' }, { jailerEnabled: false }] as const)(
    'tries no sandbox for a box without one: %o',
    (security) => {
      const { done, look } = looked();
      look(parseBoxOptions({ security }));
      expect(done).toEqual(['agent']);
    },
  );

  it('leaves an error to whoever needs what could not be had', async () => {
    const { done, look } = looked(true);
    look(parseBoxOptions({}));
    await expect.poll(() => done).toEqual(['sandbox', 'agent']);
  });
});
