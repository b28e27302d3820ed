import { describe, expect, it } from 'vitest';
import { normalizeHost } from './registry-host.js';

describe('a host', () => {
  it.each([
    ['A.b:080', 'a.b:80'],
    ['Localhost', 'localhost'],
    ['index.docker.io', 'docker.io'],
    ['[0:0::1]:5000', '[::1]:5000'],
    ['192.0.2.1', '192.0.2.1'],
  ])('%s has the one spelling %s', (text, host) => {
    expect(normalizeHost(text)).toBe(host);
    expect(normalizeHost(host)).toBe(host);
  });

  it('is never what a URL would read as another one, or not at all', () => {
    const odd = ['', 'a b', 'a/b', 'http://a', 'a:', ':1', 'a:1:2', '[::1', 'a@b', 'a?b', 'a#b', 'a%2e', 'a\\b', 'a.'];
    for (const text of [...odd, '127.1', '0x7f.0.0.1', '1.2.3.4.5', '256.1.1.1', '010.0.0.1', 'a'.repeat(254)]) {
      expect(normalizeHost(text), text).toBeUndefined();
    }
  });
});
