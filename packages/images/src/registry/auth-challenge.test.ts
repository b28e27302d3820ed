import { describe, expect, it } from 'vitest';
import { parseAuthChallenges } from './auth-challenge.js';

const parse = (header: string) =>
  parseAuthChallenges(header).map(({ scheme, parameters }) => [scheme, Object.fromEntries(parameters)]);

describe('a WWW-Authenticate header', () => {
  it('with one bearer challenge is read, whatever its case and spaces', () => {
    expect(parse('BEARER realm = "https://auth.example/token" ,service="a,b",scope=repository:x:pull')).toEqual([
      ['bearer', { realm: 'https://auth.example/token', service: 'a,b', scope: 'repository:x:pull' }],
    ]);
    expect(parse('Bearer realm="a \\"b\\" c"')).toEqual([['bearer', { realm: 'a "b" c' }]]);
  });

  it('with several challenges gives them in order', () => {
    expect(parse('Negotiate, Basic realm="x", Bearer realm="y",service="z"')).toEqual([
      ['negotiate', {}],
      ['basic', { realm: 'x' }],
      ['bearer', { realm: 'y', service: 'z' }],
    ]);
  });

  it('that is nonsense or endless gives what could be read, in bounded time', () => {
    expect(parse('')).toEqual([]);
    expect(parse('"')).toEqual([]);
    expect(parse('=,=,')).toEqual([]);
    expect(parse('Bearer realm="unclosed')).toEqual([['bearer', {}]]);
    const startedAt = performance.now();
    for (const piece of ['a,', 'a="\\', 'a= ', '\t', 'a=b,']) parse(`Bearer ${piece.repeat(200_000)}`);
    expect(performance.now() - startedAt).toBeLessThan(1000);
  });
});
