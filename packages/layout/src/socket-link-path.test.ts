import { describe, expect, it } from 'vitest';
import { controlLinkPath, LONGEST_SOCKET_NAME, SUN_PATH_MAX_BYTES, socketLinkPath } from './socket-link-path.js';

const LARGEST_UID = 2 ** 32 - 1;

describe('the short socket link', () => {
  it('is /tmp/bl-<uid>/<box_id>', () => {
    expect(socketLinkPath('abcDEF012345', 1000)).toBe('/tmp/bl-1000/abcDEF012345');
  });

  it('leaves room for net.sock-krun.sock in 104 bytes, for every id and every uid', () => {
    for (let length = 1; length <= 128; length += 1) {
      const link = socketLinkPath('x'.repeat(length), LARGEST_UID);
      expect(`${link}/${LONGEST_SOCKET_NAME}`.length).toBeLessThan(SUN_PATH_MAX_BYTES);
      const control = controlLinkPath('x'.repeat(length), LARGEST_UID);
      expect(`${control}/api.sock`.length).toBeLessThan(SUN_PATH_MAX_BYTES);
    }
  });

  it('uses ids up to 64 characters as they are and hashes longer ones, differently each', () => {
    const name = (id: string): string => socketLinkPath(id, 0).slice('/tmp/bl-0/'.length);
    expect(name('x'.repeat(64))).toBe('x'.repeat(64));
    expect(name('x'.repeat(65))).toMatch(/^[0-9a-f]{64}$/);
    expect(name('x'.repeat(65))).not.toBe(name('x'.repeat(66)));
  });
});
