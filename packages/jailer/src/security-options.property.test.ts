import type { ResourceLimits } from '@boxlite/core';
import { describe, expect, it } from 'vitest';
import {
  JAILER_MODES,
  SECURITY_OPTION_TABLE,
  type SecurityOptionEntry,
  type SecurityOptionsInput,
} from './security-option-table.js';
import { resolveSecurityOptions, type SecurityOptions } from './security-options.js';

const CASES = 5_000;
const SEED = 20_261_122;
const names = Object.keys(SECURITY_OPTION_TABLE) as (keyof SecurityOptionsInput)[];

/** mulberry32: the same objects in every run; a failure names the seed's case. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function valueFor(entry: SecurityOptionEntry, random: () => number): unknown {
  switch (entry.kind) {
    case 'boolean':
      return random() < 0.5;
    case 'choice':
      return entry.choices[Math.floor(random() * entry.choices.length)];
    case 'path':
      return '/profile.sb';
    case 'integer':
      return Math.floor(entry.least + random() ** 6 * (entry.most - entry.least));
    case 'number':
      return entry.least + random() ** 6 * (entry.most - entry.least);
  }
}

/** Each option absent, given as undefined, or given. */
function randomPartial(random: () => number): SecurityOptionsInput {
  const partial: Record<string, unknown> = {};
  for (const name of names) {
    const choice = random();
    if (choice < 0.5) continue;
    partial[name] = choice < 0.6 ? undefined : valueFor(SECURITY_OPTION_TABLE[name], random);
  }
  return partial;
}

/** Position of a value: larger is stricter. A limit that is absent is none. */
const STRICTNESS: { [Field in keyof SecurityOptions]-?: (options: SecurityOptions) => readonly number[] } = {
  jailer: ({ jailer }) => [-JAILER_MODES.indexOf(jailer)],
  // `diagnose` refuses what `enforce` refuses.
  seccomp: ({ seccomp }) => [seccomp === 'off' ? 0 : 1],
  networkEnabled: ({ networkEnabled }) => [networkEnabled ? 0 : 1],
  uid: ({ uid }) => [uid === 0 ? 0 : 1],
  gid: ({ gid }) => [gid === 0 ? 0 : 1],
  resourceLimits: ({ resourceLimits }) =>
    names
      .filter((name) => SECURITY_OPTION_TABLE[name].field.startsWith('resourceLimits.'))
      .map((name) => -(resourceLimits[name as keyof ResourceLimits] ?? Number.POSITIVE_INFINITY)),
  sandboxProfile: ({ sandboxProfile }) => [sandboxProfile === undefined ? 1 : 0],
};

function isAtLeastAsStrict(field: keyof SecurityOptions, one: SecurityOptions, other: SecurityOptions): boolean {
  const left = STRICTNESS[field](one);
  const right = STRICTNESS[field](other);
  return left.every((value, index) => value >= (right[index] as number));
}

/** Takes away what was asked for, by either name, so that only the rest can differ from the default. */
function withDefaultsWhereGiven(resolved: SecurityOptions, given: SecurityOptionsInput): SecurityOptions {
  const defaults = resolveSecurityOptions();
  const result = structuredClone(resolved) as unknown as Record<string, unknown>;
  const limits = { ...resolved.resourceLimits } as Record<string, unknown>;
  for (const name of names) {
    if (given[name] === undefined) continue;
    const { field } = SECURITY_OPTION_TABLE[name];
    if (field.startsWith('resourceLimits.')) limits[name] = defaults.resourceLimits[name as keyof ResourceLimits];
    else result[field] = (defaults as unknown as Record<string, unknown>)[field];
  }
  return { ...(result as unknown as SecurityOptions), resourceLimits: limits as ResourceLimits };
}

describe('a partial object of security options', () => {
  it('is never weaker than the default in anything it does not name', () => {
    const random = randomFrom(SEED);
    const defaults = resolveSecurityOptions();
    let compared = 0;
    for (let index = 0; index < CASES; index++) {
      const partial = randomPartial(random);
      let resolved: SecurityOptions;
      try {
        resolved = resolveSecurityOptions(partial);
      } catch (thrown) {
        // Two words that contradict each other: refused is as strict as can be.
        expect(thrown).toMatchObject({ code: 'invalid_argument' });
        continue;
      }
      // Without a jailer there is nothing for the other options to be of.
      if (resolved.jailer === 'off') continue;
      compared += 1;
      const rest = withDefaultsWhereGiven(resolved, partial);
      for (const field of Object.keys(STRICTNESS) as (keyof SecurityOptions)[]) {
        const where = `seed ${SEED}, case ${index}, ${field} of ${JSON.stringify(partial)}`;
        expect(isAtLeastAsStrict(field, rest, defaults), where).toBe(true);
      }
    }
    expect(compared).toBeGreaterThan(CASES / 10);
  });

  it('turns the jailer off only where a word of its own says so', () => {
    const random = randomFrom(SEED + 1);
    for (let index = 0; index < CASES; index++) {
      const {
        jailer: _jailer,
        jailerEnabled: _enabled,
        seccomp: _seccomp,
        seccompEnabled: _filter,
        ...partial
      } = randomPartial(random);
      expect(resolveSecurityOptions(partial)).toMatchObject({ jailer: 'required', seccomp: 'enforce' });
    }
  });

  it('takes nothing from a prototype, where nobody looked at it', () => {
    const inherited = Object.create({ jailer: 'off', maxOpenFiles: -1 }) as SecurityOptionsInput;
    expect(resolveSecurityOptions(inherited)).toEqual(resolveSecurityOptions());
    const parsed = JSON.parse('{"__proto__": {"jailer": "off"}}') as SecurityOptionsInput;
    expect(() => resolveSecurityOptions(parsed)).toThrowError(expect.objectContaining({ code: 'invalid_argument' }));
  });
});
