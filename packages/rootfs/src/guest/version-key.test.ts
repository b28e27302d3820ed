import { describe, expect, it } from 'vitest';
import { isKeyOfAgent, versionKey } from './version-key.js';

describe('the version key of a guest rootfs', () => {
  it('is 12 characters of the image digest, without sha256:, and 12 of the agent hash', () => {
    expect(versionKey('sha256:0123456789abcdef0123', 'fedcba9876543210')).toBe('0123456789ab-fedcba987654');
    expect(versionKey('0123456789abcdef0123', 'fedcba9876543210')).toBe('0123456789ab-fedcba987654');
  });

  it('takes shorter inputs whole', () => {
    expect(versionKey('sha256:abc', 'de')).toBe('abc-de');
  });

  it('belongs to an agent by its end', () => {
    expect(isKeyOfAgent('0123456789ab-fedcba987654', 'fedcba9876543210')).toBe(true);
    expect(isKeyOfAgent('fedcba987654-0123456789ab', 'fedcba9876543210')).toBe(false);
  });
});
