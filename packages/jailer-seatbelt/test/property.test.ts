import { describe, expect, it } from 'vitest';
import { seatbeltProfile } from '../src/index.js';
import { type ProfileContext, seatbeltSections } from '../src/profile/seatbelt-profile.js';
import { HOSTILE_NAMES } from './profile-contexts.js';
import { accessUnder } from './sbpl/access-under.js';
import { sbplProfile } from './sbpl/evaluate-sbpl.js';
import { type Parsed, parseSbpl } from './sbpl/parse-sbpl.js';
import { randomPaths, seededRandom } from './sbpl/random-context.js';
import { referenceAccess } from './sbpl/reference-access.js';

/** `SBPL_SEED=12345 npx vitest run packages/jailer-seatbelt/test/property.test.ts` runs one table again; `SBPL_RUNS` says how many. */
const FIRST_SEED = Number(process.env.SBPL_SEED ?? 1);
const USUAL_RUNS = process.env.BOXLITE_TEST_FULL === '1' ? 1500 : 120;
const RUNS = process.env.SBPL_SEED === undefined ? Number(process.env.SBPL_RUNS ?? USUAL_RUNS) : 1;
const QUESTIONS_A_TABLE = 25;

/** Runs a check for each seed; a failure says which, and how to have it again. */
function forEachSeed(check: (seed: number) => void): void {
  for (let seed = FIRST_SEED; seed < FIRST_SEED + RUNS; seed += 1) {
    try {
      check(seed);
    } catch (thrown) {
      const again = `SBPL_SEED=${seed} npx vitest run packages/jailer-seatbelt/test/property.test.ts`;
      throw new Error(`seed ${seed} (again: ${again}): ${(thrown as Error).message}`, { cause: thrown });
    }
  }
}

describe('for any table of paths, whatever their names,', () => {
  it('the deepest rule decides: what the profile answers is what the contract says', { timeout: 120_000 }, () => {
    let asked = 0;
    forEachSeed((seed) => {
      const paths = randomPaths(seededRandom(seed));
      const context = paths.context();
      const rows = [...context.paths.map(({ path }) => path), ...(context.maskedPaths ?? [])];
      const binary = rows.length > 0 ? paths.near(rows) : paths.path();
      const profile = sbplProfile(seatbeltProfile(context, binary));
      for (let question = 0; question < QUESTIONS_A_TABLE; question += 1) {
        const path = rows.length > 0 ? paths.near([...rows, binary]) : paths.path();
        const wanted = referenceAccess(context, binary, path);
        if (wanted === undefined) continue;
        for (const name of namesOf(path)) {
          const answer = accessUnder(profile, name);
          if (JSON.stringify(answer) !== JSON.stringify(wanted)) {
            throw new Error(`${JSON.stringify(name)} is ${JSON.stringify(answer)}, not ${JSON.stringify(wanted)}`);
          }
        }
        asked += 1;
      }
    });
    expect(asked).toBeGreaterThan(RUNS);
  });

  it('the text of a profile reads as the very rules it was made of', { timeout: 120_000 }, () => {
    forEachSeed((seed) => {
      const paths = randomPaths(seededRandom(seed));
      const context = paths.context();
      const binary = paths.path();
      const forms = seatbeltSections(context, binary).flatMap((section) => section.forms);
      expect(parseSbpl(seatbeltProfile(context, binary))).toEqual(forms);
    });
  });

  it('no name changes which rules there are: those of a harmless name stand there', () => {
    for (const name of HOSTILE_NAMES) {
      const hostile = shapeOf(name);
      expect(hostile, JSON.stringify(name)).toEqual(shapeOf(plainNameFor(name)));
    }
  });

  it('no name opens the network, or another operation than its own rule is about', () => {
    forEachSeed((seed) => {
      const context = { ...randomPaths(seededRandom(seed)).context(), networkEnabled: false };
      const profile = sbplProfile(seatbeltProfile(context, '/usr/bin/true'));
      for (const semantics of ['last', 'nearest'] as const) {
        const remote = { kind: 'ip', protocol: 'tcp', host: '192.0.2.1', port: 443 } as const;
        const local = { kind: 'ip', protocol: 'tcp', host: '127.0.0.1', port: 50_000 } as const;
        expect(profile.allows({ operation: 'network-outbound', remote, local }, semantics)).toBe(false);
        expect(profile.allows({ operation: 'network-bind', local }, semantics)).toBe(false);
        expect(profile.allows({ operation: 'mach-lookup', name: 'com.apple.launchd' }, semantics)).toBe(false);
        expect(profile.allows({ operation: 'signal', target: 'others' }, semantics)).toBe(false);
      }
    });
  });
});

describe('a path no file can have', () => {
  it.each([
    ['a NUL', '/a\0b'],
    ['half of a character', '/a\ud800b'],
    ['more bytes than a path has', `/${'a'.repeat(1023)}`],
    ['more bytes than a path has, in characters that take three', `/${'\ud55c'.repeat(341)}`],
    ['no slash at its beginning', 'a/b'],
  ])('makes no rule: %s', (_, path) => {
    const named: ProfileContext = {
      paths: [{ path, writable: true }],
      maskedPaths: [`${path}/`],
      devices: [path],
      networkEnabled: false,
    };
    const text = seatbeltProfile(named, '/usr/bin/true');
    expect(text).not.toContain('\0');
    expect(parseSbpl(text)).toEqual(parseSbpl(seatbeltProfile({ paths: [], networkEnabled: false }, '/usr/bin/true')));
  });

  it('and the longest a file can have makes one', () => {
    const path = `/${'a'.repeat(1022)}`;
    const profile = sbplProfile(seatbeltProfile({ paths: [{ path, writable: true }], networkEnabled: false }, '/x'));
    expect(accessUnder(profile, path).write).toBe(true);
  });
});

/** As it is asked for, and as the kernel names it, in each Unicode form. The kernel has no name below the data volume. */
function namesOf(path: string): readonly string[] {
  const real = path.replace(/^\/(tmp|var|etc)(?=\/|$)/, '/private/$1').replace(/^\/System\/Volumes\/Data(?=\/.)/, '');
  const names = path.startsWith('/System/Volumes/Data') ? [real] : [path, real];
  return [...new Set(names.flatMap((name) => [name, name.normalize('NFC'), name.normalize('NFD')]))];
}

/** The profile of a table that names `name` everywhere, with the name taken out. */
function shapeOf(name: string): unknown {
  const context: ProfileContext = {
    paths: [
      { path: name, writable: true },
      { path: `${name}/ro`, writable: false },
    ],
    maskedPaths: [`${name}/hidden/`],
    symlinks: [{ path: `/tmp${name}`, target: name }],
    networkEnabled: true,
  };
  return withoutNames(parseSbpl(seatbeltProfile(context, `${name}/ro/program`)));
}

function withoutNames(node: Parsed): unknown {
  if (typeof node === 'string') return node.includes('/Users/ann/') ? '<path>' : node;
  return Array.isArray(node) ? node.map(withoutNames) : node;
}

/** A name of nothing but letters, as deep, with as many Unicode forms. */
function plainNameFor(name: string): string {
  const forms = new Set([name, name.normalize('NFC'), name.normalize('NFD')]).size;
  const letters = forms === 1 ? 'plain' : 'pl\u00e1in';
  const plain = `/Users/ann/${name.split('/').slice(3).fill(letters).join('/')}`;
  return name === name.normalize('NFC') ? plain : plain.normalize('NFD');
}
