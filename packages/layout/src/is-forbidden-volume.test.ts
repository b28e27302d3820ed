import { describe, expect, it } from 'vitest';
import { isForbiddenVolume } from './is-forbidden-volume.js';

const forbidden = (path: string): boolean => isForbiddenVolume(path, '/home/me', '/data/boxlite');

describe('a volume', () => {
  it('that is or contains /, the home or the BoxLite home is refused', () => {
    for (const path of ['/', '/home', '/home/', '/home/me', '/home/me/', '/data', '/data/boxlite']) {
      expect(forbidden(path), path).toBe(true);
    }
  });

  it('beside or below them is allowed', () => {
    for (const path of ['/home/me/project', '/home/mechanic', '/data/boxlite2', '/data/boxlite/volumes/x', '/srv']) {
      expect(forbidden(path), path).toBe(false);
    }
  });
});
