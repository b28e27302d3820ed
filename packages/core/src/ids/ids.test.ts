import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { BASE62, parseBaseDiskId, parseBoxId, randomBase62 } from './box-id.js';
import { isDigest, parseDigest } from './digest.js';

describe('ids', () => {
  it('parse any box id of 1 to 128 characters of A-Z a-z 0-9 _ -', () => {
    for (const id of ['a', 'A_b-9', 'x'.repeat(128)]) expect(parseBoxId(id)).toBe(id);
    for (const id of ['', 'x'.repeat(129), '../etc', 'a b', 'a/b', 'ä', 'a\n']) {
      expect(() => parseBoxId(id)).toThrow(expect.objectContaining({ code: 'invalid_argument' }));
    }
  });

  it('of base disks are 8 characters base62', () => {
    expect(parseBaseDiskId('a1B2c3D4')).toBe('a1B2c3D4');
    for (const id of ['a1B2c3D', 'a1B2c3D4e', 'a1B2_3D4']) expect(() => parseBaseDiskId(id)).toThrow();
  });

  it('are drawn evenly from base62: bytes above the largest multiple of 62 are not used', () => {
    const script = [255, 248, 0, 61, 62, 247];
    let at = 0;
    const id = randomBase62(4, (n) => Uint8Array.from({ length: n }, () => script[at++ % script.length]!));
    expect(id).toBe('0z0z');
    expect([...randomBase62(500, randomBytes)].every((character) => BASE62.includes(character))).toBe(true);
  });
});

describe('digests', () => {
  const good = `sha256:${'0a'.repeat(32)}`;

  it('are validated before one becomes a path', () => {
    expect(isDigest(good)).toBe(true);
    for (const bad of ['sha256:../../etc', good.toUpperCase(), `${good}0`, 'sha512:00', '']) {
      expect(isDigest(bad)).toBe(false);
      expect(() => parseDigest(bad, 'layers.0.digest')).toThrow(
        expect.objectContaining({ code: 'image_invalid', details: { field: 'layers.0.digest' } }),
      );
    }
  });
});
