import { describe, expect, it } from 'vitest';
import { formatImageReference, isUnqualified, parseImageReference, type ReferenceRule } from './image-reference.js';

const HEX = 'a'.repeat(64);
const DIGEST = `sha256:${HEX}`;
const LONG_PATH = `${'a/'.repeat(127)}a`;

const ACCEPTED: readonly (readonly [text: string, canonical: string])[] = [
  // Names without a host are docker.io's, single ones its official images.
  ['alpine', 'docker.io/library/alpine:latest'],
  ['alpine:3.20', 'docker.io/library/alpine:3.20'],
  ['user/app', 'docker.io/user/app:latest'],
  ['user/team/app:v1', 'docker.io/user/team/app:v1'],
  ['library/alpine', 'docker.io/library/alpine:latest'],
  ['docker.io/alpine', 'docker.io/library/alpine:latest'],
  ['docker.io/user/app', 'docker.io/user/app:latest'],
  ['Docker.IO/alpine', 'docker.io/library/alpine:latest'],
  ['index.docker.io/alpine', 'docker.io/library/alpine:latest'],
  ['index.docker.io/user/app:v1', 'docker.io/user/app:v1'],
  ['registry-1.docker.io/library/alpine', 'registry-1.docker.io/library/alpine:latest'],
  ['docker.io:443/user/app', 'docker.io:443/user/app:latest'],
  // What makes a first component a host.
  ['registry.example/app', 'registry.example/app:latest'],
  ['registry.example/library/app', 'registry.example/library/app:latest'],
  ['host:5000/app', 'host:5000/app:latest'],
  ['host/app', 'docker.io/host/app:latest'],
  ['localhost/app', 'localhost/app:latest'],
  ['localhost:5000/app:v1', 'localhost:5000/app:v1'],
  ['LocalHost/app', 'localhost/app:latest'],
  ['localhost', 'docker.io/library/localhost:latest'],
  ['localhost:5000', 'docker.io/library/localhost:5000'],
  ['registry.example:5000', 'docker.io/library/registry.example:5000'],
  ['user/localhost/app', 'docker.io/user/localhost/app:latest'],
  ['local-host/app', 'docker.io/local-host/app:latest'],
  ['User/app', 'User/app:latest'],
  ['HOST/user/app:v1', 'HOST/user/app:v1'],
  ['Registry.EXAMPLE:0443/app', 'registry.example:443/app:latest'],
  ['host:65535/app', 'host:65535/app:latest'],
  ['host:1/app', 'host:1/app:latest'],
  ['a-b.c-d.example/app', 'a-b.c-d.example/app:latest'],
  ['xn--n3h.example/app', 'xn--n3h.example/app:latest'],
  // Addresses.
  ['127.0.0.1:5000/app', '127.0.0.1:5000/app:latest'],
  ['192.0.2.1/app', '192.0.2.1/app:latest'],
  ['[::1]/app', '[::1]/app:latest'],
  ['[::1]:5000/app:v1', '[::1]:5000/app:v1'],
  ['[2001:DB8::1]/app', '[2001:db8::1]/app:latest'],
  ['[2001:0db8:0:0:0:0:0:1]:5000/app', '[2001:db8::1]:5000/app:latest'],
  ['[fd00:1:2::3]:5050/app', '[fd00:1:2::3]:5050/app:latest'],
  [`[::1]:5000/app@${DIGEST}`, `[::1]:5000/app@${DIGEST}`],
  // Separators within a path.
  ['registry.example/a/b/c_d__e-f--g.h', 'registry.example/a/b/c_d__e-f--g.h:latest'],
  ['a---b', 'docker.io/library/a---b:latest'],
  ['0/1/2', 'docker.io/0/1/2:latest'],
  ['my.app', 'docker.io/library/my.app:latest'],
  // Tags.
  ['app:V1_x.y-z', 'docker.io/library/app:V1_x.y-z'],
  ['app:_', 'docker.io/library/app:_'],
  ['app:0', 'docker.io/library/app:0'],
  ['app:latest', 'docker.io/library/app:latest'],
  [`app:${'t'.repeat(128)}`, `docker.io/library/app:${'t'.repeat(128)}`],
  // Digests.
  [`alpine@${DIGEST}`, `docker.io/library/alpine@${DIGEST}`],
  [`alpine:3@${DIGEST}`, `docker.io/library/alpine:3@${DIGEST}`],
  [`host.x:1/app:v1@${DIGEST}`, `host.x:1/app:v1@${DIGEST}`],
  // An image id is refused only where it stands for itself.
  [`${HEX}:v1`, `docker.io/library/${HEX}:v1`],
  [`host.x/${HEX}`, `host.x/${HEX}:latest`],
  [HEX.slice(1), `docker.io/library/${HEX.slice(1)}:latest`],
  // Lengths: 255 for the path, whatever the host.
  [LONG_PATH, `docker.io/${LONG_PATH}:latest`],
  [`registry.example/${LONG_PATH}`, `registry.example/${LONG_PATH}:latest`],
  ['b'.repeat(247), `docker.io/library/${'b'.repeat(247)}:latest`],
];

const REFUSED: readonly (readonly [text: string, rule: ReferenceRule])[] = [
  ['', 'empty'],
  [HEX, 'image-id'],
  ['https://registry.example/app', 'scheme'],
  ['docker://alpine', 'scheme'],
  // Upper case belongs to hosts and tags only.
  ['Alpine', 'lower-case'],
  ['user/App', 'lower-case'],
  ['User/App', 'lower-case'],
  ['registry.example/App:v1', 'lower-case'],
  ['aa/asdf$$^/Aa', 'lower-case'],
  // Paths.
  [' alpine', 'path'],
  ['alpine ', 'path'],
  ['a//b', 'path'],
  ['/app', 'path'],
  ['app/', 'path'],
  ['registry.example/', 'path'],
  ['registry.example//app', 'path'],
  ['a..b', 'path'],
  ['a._b', 'path'],
  ['a___b', 'path'],
  ['a-_b', 'path'],
  ['-a', 'path'],
  ['a-', 'path'],
  ['a_/b', 'path'],
  ['.a', 'path'],
  ['user/-app', 'path'],
  ['registry.example/../app', 'path'],
  ['app\u0000', 'path'],
  ['app\n', 'path'],
  ['ünïcode/app', 'path'],
  ['app*', 'path'],
  // Tags.
  ['app:', 'tag'],
  ['app:-tag', 'tag'],
  ['app:.tag', 'tag'],
  ['app:tag tag', 'tag'],
  ['app:tag+1', 'tag'],
  ['repo:@sha256', 'digest'],
  [`app:@${DIGEST}`, 'tag'],
  [`app:${'t'.repeat(129)}`, 'tag'],
  ['::', 'tag'],
  // Digests.
  ['app@', 'digest'],
  ['app@latest', 'digest'],
  ['app@sha256:abc', 'digest'],
  [`app@sha256:${HEX.toUpperCase()}`, 'digest'],
  [`app@sha256:${HEX}a`, 'digest'],
  [`app@md5:${HEX.slice(32)}`, 'digest'],
  [`app@${DIGEST}:tag`, 'digest'],
  [`app@${DIGEST}@${DIGEST}`, 'digest'],
  ['user@registry.example/app', 'digest'],
  // Hosts.
  ['../../etc/passwd', 'host'],
  ['registry.example:x/app', 'host'],
  ['registry.example:/app', 'host'],
  ['a:b:c/app', 'host'],
  ['-registry.example/app', 'host'],
  ['registry-.example/app', 'host'],
  ['registry..example/app', 'host'],
  ['registry.example./app', 'host'],
  ['[::1/app', 'host'],
  ['[]/app', 'path'],
  ['[fe80::1%eth0]/app', 'host'],
  ['[fe80::1%25eth0]/app', 'host'],
  ['[::1]5000/app', 'host'],
  ['2001:db8::1/app', 'host'],
  // Lengths.
  [`${LONG_PATH}a`, 'length'],
  ['b'.repeat(248), 'length'],
  ['x'.repeat(5000), 'length'],
];

/** What Docker's grammar lets through although nothing could be pulled from it here. */
const REFUSED_HERE_ONLY: readonly (readonly [text: string, rule: ReferenceRule])[] = [
  ['registry.example:0/app', 'host'],
  ['registry.example:65536/app', 'host'],
  ['[not:an:address]/app', 'host'],
  ['[fd00:1:2::3]:75050/app', 'host'],
  ['[:::::1]/app', 'host'],
  ['1.2.3.4.5/app', 'host'],
  ['127.1/app', 'host'],
  ['under_score.example/app', 'host'],
  [`app@sha512:${HEX}${HEX}`, 'digest'],
];

describe('a reference', () => {
  it.each(ACCEPTED)('%s means %s', (text, canonical) => {
    expect(formatImageReference(parseImageReference(text))).toBe(canonical);
    expect(parseImageReference(canonical)).toEqual(parseImageReference(text));
  });

  it.each([...REFUSED, ...REFUSED_HERE_ONLY])(
    '%j is refused as invalid_argument, naming the rule "%s"',
    (text, rule) => {
      expect(() => parseImageReference(text)).toThrow(
        expect.objectContaining({
          code: 'invalid_argument',
          details: { field: 'image', rule },
          hint: expect.any(String),
          message: expect.stringMatching(/^image ".*" is not valid: ./),
        }),
      );
    },
  );

  it('without a host is unqualified, by the same rule', () => {
    for (const text of ['alpine', 'user/app', 'localhost', 'registry.example:5000', 'host/app']) {
      expect(isUnqualified(text), text).toBe(true);
    }
    for (const text of ['host:1/app', 'a.b/app', 'localhost/app', 'User/app', '[::1]/app']) {
      expect(isUnqualified(text), text).toBe(false);
    }
  });

  it('is read in linear time, however hostile', () => {
    const startedAt = performance.now();
    for (const piece of ['a-', '--', '__', 'a.', '::', '[[', '@@', '//', 'a/', 'A.']) {
      for (const length of [255, 511, 1023]) {
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
