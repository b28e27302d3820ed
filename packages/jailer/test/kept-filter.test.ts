import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type JailFilterRequest, jailFilter } from '../src/seccomp/jail-filter.js';
import { keptFilter } from '../src/seccomp/kept-filter.js';

let work: string;
beforeAll(() => {
  work = mkdtempSync(join(tmpdir(), 'boxlite-kept-'));
});
afterAll(() => rmSync(work, { recursive: true }));

const request: JailFilterRequest = { mode: 'enforce', networkEnabled: false, policy: 'policy p\nread\nwrite' };
const bytes = (filter: { program?: Uint8Array }) => Buffer.from(filter.program ?? []).toString('hex');

it('a compiled filter is kept, and taken again for the same request only', () => {
  const file = join(work, 'filter.json');
  const first = keptFilter(request, file);
  const text = readFileSync(file, 'utf8');
  const second = keptFilter(request, file);
  expect(bytes(second)).toBe(bytes(jailFilter(request)));
  expect({ ...second, program: [] }).toEqual({ ...first, program: [] });
  expect(readFileSync(file, 'utf8')).toBe(text);
  for (const other of [
    { ...request, networkEnabled: true },
    { ...request, policy: 'policy p\nread' },
    { ...request, architecture: process.arch === 'x64' ? ('arm64' as const) : ('x64' as const) },
  ]) {
    expect(bytes(keptFilter(other, file))).toBe(bytes(jailFilter(other)));
    expect(JSON.parse(readFileSync(file, 'utf8')).key).not.toBe(JSON.parse(text).key);
  }
  expect(readdirSync(work)).toEqual(['filter.json']);
});

it('a damaged file counts as none', () => {
  const file = join(work, 'damaged.json');
  keptFilter(request, file);
  const good = readFileSync(file, 'utf8');
  const saved = JSON.parse(good);
  for (const bad of [
    ...['', 'null', '[]', good.slice(0, 40), 'x'.repeat(100_000)],
    ...[{ program: 'AAAA' }, { program: '' }, { layer: null }, { layer: { ...saved.layer, state: 'inactive' } }].map(
      (change) => JSON.stringify({ ...saved, ...change }),
    ),
  ]) {
    writeFileSync(file, bad);
    expect(bytes(keptFilter(request, file))).toBe(bytes(jailFilter(request)));
    expect(readFileSync(file, 'utf8')).toBe(good);
  }
});

it('one that cannot be kept is made all the same', () => {
  expect(bytes(keptFilter(request, join(work, 'no/such/filter.json')))).toBe(bytes(jailFilter(request)));
});

it.each([
  ['a diagnosis', { ...request, mode: 'diagnose' as const }],
  ['a switched off filter', { ...request, mode: 'off' as const }],
  ['a deny-list', { mode: 'enforce' as const, networkEnabled: false }],
])('%s is not kept', (_name, other) => {
  const file = join(work, 'other.json');
  expect(keptFilter(other, file)).toEqual(jailFilter(other));
  expect(existsSync(file)).toBe(false);
});
