import type { ProfileContext } from '../../src/profile/seatbelt-profile.js';

/** Numbers from 0 to below 1 that a seed decides (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Names whose characters mean something to somebody, and ordinary ones, so that tables of a few rows nest. */
const NAMES = [
  ...[
    'a',
    'b',
    'c',
    'ab',
    'tmp',
    'var',
    'etc',
    'private',
    'Users',
    'System',
    'dev',
    'null',
    'usr',
    'lib',
    'caf\u00e9',
    'cafe\u0301',
  ],
  ...[
    '"',
    '\\',
    '\\"',
    '(',
    ')',
    '")',
    '(literal "/")',
    ';',
    '#',
    '|',
    '#|',
    '|#',
    '\n',
    '\r',
    '\t',
    "'",
    '`',
    ',',
    '@',
    '\\n',
    '\\x22',
  ],
  ...[
    'x"))\n(allow default)\n(deny file-read* (literal "',
    '\\")(allow file* (subpath "/")(literal "',
    '; x',
    '#t',
    '.hidden',
    ' ',
    '\u2028',
  ],
  ...[
    '\u0001',
    '\u007f',
    '\u{1f4a9}',
    '\ud55c\uae00',
    '*',
    '?',
    '[a]',
    '$HOME',
    '%s',
    '-D',
    'e\u0301\u0323',
    'e\u0323\u0301',
  ],
];
const ROOTS = ['', '', '', '/tmp', '/private/tmp', '/var', '/private/var', '/System/Volumes/Data/Users', '/Users'];

export interface RandomPaths {
  path(): string;
  /** Below one of the given paths, one of them, or above one: where a mistake would show. */
  near(paths: readonly string[]): string;
  context(): ProfileContext;
}

export function randomPaths(random: () => number): RandomPaths {
  const pick = <T>(values: readonly T[]): T => values[Math.floor(random() * values.length)] as T;
  const name = () => {
    if (random() < 0.9) return pick(NAMES);
    // Anything but what no name can hold: a slash, NUL, half of a character.
    const code = 1 + Math.floor(random() * 0xd7fe);
    return code === 0x2f ? 'x' : String.fromCharCode(code);
  };
  const below = (directory: string) => {
    let path = directory;
    for (let depth = 1 + Math.floor(random() * 3); depth > 0; depth -= 1) path += `/${name()}`;
    return path;
  };
  const path = () => below(pick(ROOTS));
  const near = (paths: readonly string[]) => {
    const one = pick(paths).replace(/(.)\/$/, '$1');
    const where = random();
    if (where < 0.3) return one;
    if (where < 0.7) return below(one);
    if (where < 0.8) return `${one}x`;
    return one.slice(0, Math.max(1, one.lastIndexOf('/')));
  };
  const context = (): ProfileContext => {
    const known = [path()];
    const next = () => {
      const made = random() < 0.6 ? below(pick(known)) : path();
      known.push(made);
      return made;
    };
    const many = () => Math.floor(random() * 7);
    return {
      paths: Array.from({ length: many() }, () => ({
        path: next(),
        writable: random() < 0.5,
        ...(random() < 0.2 ? { executable: false as const } : {}),
      })),
      maskedPaths: Array.from(
        { length: many() },
        () => `${random() < 0.2 ? pick(known) : next()}${random() < 0.5 ? '/' : ''}`,
      ),
      symlinks: random() < 0.3 ? [{ path: `/tmp/${name()}`, target: pick(known) }] : [],
      networkEnabled: random() < 0.5,
    };
  };
  return { path, near, context };
}
