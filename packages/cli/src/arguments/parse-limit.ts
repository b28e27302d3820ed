import { BoxliteError } from '@boxlite/core';
import type { BoxOptions } from '@boxlite/sdk';

type Security = NonNullable<BoxOptions['security']>;
type LimitField = {
  [Name in keyof Security]-?: Security[Name] extends number | undefined ? Name : never;
}[keyof Security];

interface LimitWord {
  readonly field: LimitField;
  /** How the value is written. */
  readonly kind: 'size' | 'whole' | 'number';
}

/** The names of `--limit`, and the members of `security` they are. */
export const LIMIT_WORDS: Readonly<Record<string, LimitWord>> = {
  memory: { field: 'maxMemory', kind: 'size' },
  'memory-high': { field: 'memoryHigh', kind: 'size' },
  swap: { field: 'maxSwap', kind: 'size' },
  pids: { field: 'maxProcesses', kind: 'whole' },
  cpus: { field: 'cpuQuota', kind: 'number' },
  'cpu-weight': { field: 'cpuWeight', kind: 'whole' },
  'cpu-time': { field: 'maxCpuTime', kind: 'whole' },
  'io-weight': { field: 'ioWeight', kind: 'whole' },
  'read-bps': { field: 'ioReadBytesPerSecond', kind: 'size' },
  'write-bps': { field: 'ioWriteBytesPerSecond', kind: 'size' },
  'open-files': { field: 'maxOpenFiles', kind: 'whole' },
  'file-size': { field: 'maxFileSize', kind: 'size' },
};

const UNITS: Readonly<Record<string, number>> = { b: 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3, t: 1024 ** 4 };
const EXAMPLES: Readonly<Record<LimitWord['kind'], string>> = { size: '512m', whole: '100', number: '1.5' };

/**
 * What `--limit NAME=VALUE` says, the last of several with one name. Sizes have a unit: b, k, m, g or t.
 * @throws BoxliteError `invalid_argument` (field `limit`)
 */
export function parseLimits(texts: readonly string[]): Pick<Security, LimitField> {
  const limits: { -readonly [Name in LimitField]?: number } = {};
  for (const text of texts) {
    const split = text.indexOf('=');
    const name = split < 0 ? text : text.slice(0, split);
    const word = Object.hasOwn(LIMIT_WORDS, name) ? LIMIT_WORDS[name] : undefined;
    if (word === undefined || split < 0) throw malformed(text, name, word);
    const value = VALUES[word.kind](text.slice(split + 1).toLowerCase());
    if (value === undefined || !Number.isSafeInteger(Math.ceil(value))) throw malformed(text, name, word);
    limits[word.field] = value;
  }
  return limits;
}

const VALUES: Readonly<Record<LimitWord['kind'], (text: string) => number | undefined>> = {
  size(text) {
    if (text === '0') return 0;
    const [, digits, unit] = /^(\d{1,15})([bkmgt])(?:i?b)?$/.exec(text) ?? [];
    return digits === undefined ? undefined : Number(digits) * (UNITS[unit ?? ''] ?? Number.NaN);
  },
  whole: (text) => (/^\d{1,15}$/.test(text) ? Number(text) : undefined),
  number: (text) => (/^\d{1,6}(\.\d{1,6})?$/.test(text) ? Number(text) : undefined),
};

function malformed(text: string, name: string, word: LimitWord | undefined): BoxliteError {
  const hint =
    word === undefined
      ? `write --limit NAME=VALUE with one of ${Object.keys(LIMIT_WORDS).join(', ')}`
      : `write --limit ${name}=${EXAMPLES[word.kind]}`;
  return new BoxliteError('invalid_argument', `--limit ${JSON.stringify(text.slice(0, 80))} is no limit of a box`, {
    hint,
    details: { field: 'limit' },
  });
}
