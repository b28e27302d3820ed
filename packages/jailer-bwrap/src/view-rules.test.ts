import type { SandboxContext } from '@boxlite/core';
import { describe, expect, it } from 'vitest';
import { viewRules } from './view-rules.js';

const view = (paths: string[], maskedPaths: string[], devices: string[] = []) => {
  const context: SandboxContext = {
    id: 'b',
    paths: paths.map((path) => ({ path, writable: true })),
    maskedPaths,
    devices,
    resourceLimits: {},
    networkEnabled: false,
  };
  return viewRules(context)
    .filter(({ path }) => !/^\/dev\/(null|zero|u?random)$/.test(path))
    .map(({ kind, path }) => `${kind} ${path}`);
};

describe('the order in which a view is built', () => {
  it('parents before children, whatever order they were given in', () => {
    expect(view(['/a/b/c', '/a', '/a/b'], [])).toEqual(['grant /a', 'grant /a/b', 'grant /a/b/c']);
  });

  it('a mask after the grant it lies in, and hidden wins where both name one path', () => {
    expect(view(['/a'], ['/a/x/', '/a/y'])).toEqual(['grant /a', 'mask /a/x', 'mask /a/y']);
    expect(view(['/a', '/a/x'], ['/a/x/'])).toEqual(['grant /a', 'grant /a/x', 'mask /a/x']);
  });

  it('a grant below a mask is made again on top of it', () => {
    expect(view(['/home', '/home/box/sockets'], ['/home/box/'])).toEqual([
      'grant /home',
      'mask /home/box',
      'grant /home/box/sockets',
    ]);
  });

  it('a mask where nothing shows is left out, so that no mount point is made for it', () => {
    expect(view(['/a'], ['/b/', '/ab'])).toEqual(['grant /a']);
    expect(view(['/a'], ['/a/x/', '/a/x/y'])).toEqual(['grant /a', 'mask /a/x']);
    expect(view(['/a', '/a/x/y'], ['/a/x/', '/a/x/y/z'])).toEqual([
      'grant /a',
      'mask /a/x',
      'grant /a/x/y',
      'mask /a/x/y/z',
    ]);
  });

  it('devices are placed like grants, the four standard ones always', () => {
    expect(view([], [], ['/dev/kvm', '/dev/kvm'])).toEqual(['device /dev/kvm']);
    expect(viewRules({ id: 'b', paths: [], resourceLimits: {}, networkEnabled: false })).toHaveLength(4);
  });
});
