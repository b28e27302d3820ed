import { describe, expect, it } from 'vitest';
import { createHomeLayout } from './home-layout.js';
import { resolveMountIsolation } from './mount-isolation.js';

describe('mount isolation', () => {
  it('is off by default: mountsDir is shared/ itself', () => {
    expect(resolveMountIsolation({}, 'linux')).toEqual({ isolation: 'none' });
    expect(resolveMountIsolation({ bindMountsSupported: true }, 'linux')).toEqual({ isolation: 'none' });
    const box = createHomeLayout('/h').box('a');
    expect(box.mountsDir).toBe(box.sharedDir);
  });

  it('puts mountsDir at mounts/ when it was asked for and bind mounts are supported', () => {
    const request = { isolateMounts: true, bindMountsSupported: true };
    expect(resolveMountIsolation(request, 'linux')).toEqual({ isolation: 'bind' });
    expect(createHomeLayout('/h', { platform: 'linux' }).box('a', request).mountsDir).toBe('/h/boxes/a/mounts');
  });

  it('is a symbolic link on macOS', () => {
    expect(resolveMountIsolation({ isolateMounts: true, bindMountsSupported: true }, 'darwin').isolation).toBe(
      'symlink',
    );
  });

  it('warns and goes on without isolation where bind mounts are not supported', () => {
    const resolved = resolveMountIsolation({ isolateMounts: true }, 'linux');
    expect(resolved.isolation).toBe('none');
    expect(resolved.warning).toContain('without isolation');
  });
});
