import { describe, expect, it } from 'vitest';
import { parseVolumes } from './parse-volume.js';

const parse = (entry: string) => parseVolumes([entry], '/work', '/home/me')[0];

describe('-v', () => {
  it.each([
    ['/data:/data', { hostPath: '/data', guestPath: '/data', readOnly: false }],
    ['/data:/d:ro', { hostPath: '/data', guestPath: '/d', readOnly: true }],
    ['/data:/d:rw', { hostPath: '/data', guestPath: '/d', readOnly: false }],
    ['./a/../b:/d', { hostPath: '/work/b', guestPath: '/d', readOnly: false }],
    ['..:/d', { hostPath: '/', guestPath: '/d', readOnly: false }],
    ['~/x:/d', { hostPath: '/home/me/x', guestPath: '/d', readOnly: false }],
    ['/with:colon:/d:ro', { hostPath: '/with:colon', guestPath: '/d', readOnly: true }],
  ])('%s is understood as docker does', (entry, expected) => {
    expect(parse(entry)).toEqual(expected);
  });

  it.each([
    ['/data', 'is not HOST:BOX'],
    [':/d', 'is not HOST:BOX'],
    ['/data:relative', 'is not HOST:BOX'],
    ['/data:/d:rO', 'unknown mode'],
    ['name:/d', 'no named volumes'],
  ])('%s is refused, saying how to write it', (entry, why) => {
    expect(() => parse(entry)).toThrow(
      expect.objectContaining({
        code: 'invalid_argument',
        message: expect.stringContaining(why),
        hint: expect.stringContaining('-v /host/dir:/box/dir'),
        details: { field: 'volume' },
      }),
    );
  });
});
