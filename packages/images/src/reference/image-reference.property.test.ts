import { BoxliteError } from '@boxlite/core';
import { expect, it } from 'vitest';
import { formatImageReference, parseImageReference } from './image-reference.js';

const CASES = 20_000;
const ALPHABET = [
  'a',
  'Z',
  '0',
  '9',
  '.',
  '-',
  '_',
  '__',
  ':',
  '/',
  '@',
  '[',
  ']',
  '::',
  '%',
  ' ',
  '\n',
  '\u0000',
  'é',
  '🐳',
  '\ud800',
];
const PIECES = [
  'localhost',
  'docker.io',
  'index.docker.io',
  'library',
  'app',
  'latest',
  'sha256:',
  'a'.repeat(64),
  '[::1]',
  '5000',
  '127.1',
];

/** A generator of numbers that a seed repeats (mulberry32). */
function seeded(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

/** From well-formed to noise. */
function anyText(random: (below: number) => number): string {
  const pick = (list: readonly string[]) => list[random(list.length)] ?? '';
  if (random(3) === 0)
    return Array.from({ length: random(40) }, () => pick(random(2) === 0 ? ALPHABET : PIECES)).join('');
  const host = pick(['', '', 'localhost/', 'docker.io/', 'User/', 'r.example:5000/', '[2001:DB8::1]:80/', 'A.b/']);
  const path = Array.from({ length: 1 + random(4) }, () => pick(['a', 'b-c', 'd__e', 'f.0', 'library'])).join('/');
  const tag = pick(['', '', ':v1', ':V_1.0-x', ':0']);
  const digest = pick(['', '', `@sha256:${'0f'.repeat(32)}`]);
  const text = host + path + tag + digest;
  if (random(2) === 0) return text;
  const at = random(text.length + 1);
  return text.slice(0, at) + pick(ALPHABET) + text.slice(at + random(2));
}

it('any text is either a reference whose canonical text parses to the same, or refused with a rule', () => {
  let accepted = 0;
  const seed = 4711;
  const random = seeded(seed);
  for (let count = 0; count < CASES; count += 1) {
    const text = anyText(random);
    const where = `seed ${seed}, case ${count}: ${JSON.stringify(text)}`;
    try {
      const reference = parseImageReference(text);
      accepted += 1;
      const canonical = formatImageReference(reference);
      expect(parseImageReference(canonical), where).toEqual(reference);
      expect(formatImageReference(parseImageReference(canonical)), where).toBe(canonical);
      expect(new URL(`https://${reference.registry}/v2/${reference.repository}/`).pathname, where).toBe(
        `/v2/${reference.repository}/`,
      );
    } catch (thrown) {
      if (!BoxliteError.isInstance(thrown, 'invalid_argument')) throw thrown;
      expect(thrown.details, where).toEqual({ field: 'image', rule: expect.any(String) });
    }
  }
  // The generator makes enough of both to mean something.
  expect(accepted).toBeGreaterThan(CASES / 10);
  expect(accepted).toBeLessThan(CASES * 0.9);
});
