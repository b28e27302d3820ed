import { describe, expect, it } from 'vitest';
import { formatImageReference, normalizeHost, parseImageReference } from './image-reference.js';

const HEX = 'a'.repeat(64);

describe('a reference', () => {
  it.each([
    ['alpine', 'docker.io/library/alpine:latest'],
    ['alpine:3.20', 'docker.io/library/alpine:3.20'],
    ['user/app', 'docker.io/user/app:latest'],
    ['docker.io/alpine', 'docker.io/library/alpine:latest'],
    ['index.docker.io/user/app:v1', 'docker.io/user/app:v1'],
    ['localhost/app', 'localhost/app:latest'],
    ['localhost:5000/app:v1', 'localhost:5000/app:v1'],
    ['registry.example/a/b/c_d__e-f--g.h:V1_x.y-z', 'registry.example/a/b/c_d__e-f--g.h:V1_x.y-z'],
    ['Registry.EXAMPLE:0443/app', 'registry.example:443/app:latest'],
    ['127.0.0.1:5000/app', '127.0.0.1:5000/app:latest'],
    ['[::1]:5000/app:v1', '[::1]:5000/app:v1'],
    ['[2001:DB8::1]/app', '[2001:db8::1]/app:latest'],
    [`alpine@sha256:${HEX}`, `docker.io/library/alpine@sha256:${HEX}`],
    [`host.x:1/app:v1@sha256:${HEX}`, `host.x:1/app:v1@sha256:${HEX}`],
  ])('%s means %s', (text, canonical) => {
    expect(formatImageReference(parseImageReference(text))).toBe(canonical);
    expect(formatImageReference(parseImageReference(canonical))).toBe(canonical);
  });

  it.each([
    '',
    ' alpine',
    'Alpine',
    'user/App',
    'User/app',
    'https://registry.example/app',
    'docker://alpine',
    'a//b',
    '/app',
    'app/',
    'app:',
    'app:-tag',
    `app:${'t'.repeat(129)}`,
    'app:tag:tag',
    'app@sha256:abc',
    `app@sha256:${HEX.toUpperCase()}`,
    `app@sha512:${HEX}${HEX}`,
    `app@sha256:${HEX}@sha256:${HEX}`,
    HEX,
    'a..b',
    'a._b',
    '-a',
    '../../etc/passwd',
    'registry.example/../app',
    'registry.example:0/app',
    'registry.example:65536/app',
    'registry.example:x/app',
    '-registry.example/app',
    'registry..example/app',
    'user@registry.example/app',
    '[::1/app',
    '[fe80::1%25eth0]/app',
    '[not:an:address]/app',
    'app\u0000',
    'app\n',
    'ünïcode/app',
    `${'a/'.repeat(130)}a`,
    'x'.repeat(5000),
  ])('%j is refused as invalid_argument, naming the field image', (text) => {
    expect(() => parseImageReference(text)).toThrow(
      expect.objectContaining({ code: 'invalid_argument', details: { field: 'image' }, hint: expect.any(String) }),
    );
  });

  it('is read in linear time, however hostile', () => {
    const startedAt = performance.now();
    for (const piece of ['a-', '--', '__', 'a.', '::', '[[', '@@', '//']) {
      for (const length of [255, 511]) {
        try {
          parseImageReference(piece.repeat(length / 2));
        } catch {
          // Only the time counts here.
        }
      }
    }
    expect(performance.now() - startedAt).toBeLessThan(1000);
  });
});

describe('a host', () => {
  it('is lower case and without needless zeros; anything else is none', () => {
    expect(normalizeHost('A.b:080')).toBe('a.b:80');
    for (const text of ['', 'a b', 'a/b', 'http://a', 'a:', ':1', 'a:1:2', '[::1', `${'a'.repeat(254)}`]) {
      expect(normalizeHost(text)).toBeUndefined();
    }
  });
});
