import type { SandboxContext } from '@boxlite/core';
import { expect, it } from 'vitest';
import { viewRecords } from './view-records.js';

const context: SandboxContext = {
  id: 'records',
  paths: [
    { path: '/proc', writable: true },
    { path: '/srv/data', writable: true },
    { path: '/srv/data/read-only', writable: false },
    { path: '/srv/hidden/but-this', writable: false },
  ],
  maskedPaths: ['/srv/data/secret', '/srv/data/private/', '/nowhere/granted/'],
  devices: ['/dev/kvm'],
  resourceLimits: {},
  networkEnabled: false,
};

it('A view mounted outside holds what bubblewrap would mount, parents first', () => {
  expect(viewRecords(context, 4096)).toEqual([
    't4096:/tmp',
    'd/dev/kvm',
    'd/dev/null',
    'd/dev/random',
    'd/dev/urandom',
    'd/dev/zero',
    'e/proc',
    'w/srv/data',
    'h/srv/data/private',
    'r/srv/data/read-only',
    'n/srv/data/secret',
    'r/srv/hidden/but-this',
  ]);
});

it('What lies between a writable grant and what is fixed below it is pinned, once each, so that nothing of it can be renamed', () => {
  const paths = [
    { path: '/w', writable: true },
    { path: '/w/a/b/fixed', writable: false },
    { path: '/w/a/open', writable: true },
    { path: '/w/a/open/c/fixed', writable: false },
  ];
  const records = viewRecords({ ...context, paths, maskedPaths: ['/w/a/b/hidden/'], devices: [] }, 4096);
  expect(records.filter((record) => record.includes('/w'))).toEqual([
    'w/w',
    'p/w/a',
    'p/w/a/b',
    'r/w/a/b/fixed',
    'h/w/a/b/hidden',
    'w/w/a/open',
    'p/w/a/open/c',
    'r/w/a/open/c/fixed',
  ]);
});
