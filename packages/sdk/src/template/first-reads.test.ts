import type { ImageConfig } from '@boxlite/core';
import { expect, it } from 'vitest';
import { firstReads } from './first-reads.js';

const config = (change: Partial<ImageConfig> = {}): ImageConfig => ({
  ...{ entrypoint: [], cmd: [], env: [], workingDir: '/', user: '', exposedPorts: [], labels: {} },
  ...change,
});

it('names a shell in every directory of the PATH, the users, loaders, and the programs of the image', () => {
  const { paths } = firstReads(
    config({ env: ['PATH=/opt/bin:/bin:relative'], entrypoint: ['/entry.sh'], cmd: ['python3'] }),
    256,
  );
  expect(paths).toEqual(
    expect.arrayContaining(['/opt/bin/sh', '/bin/sh', '/entry.sh', '/opt/bin/python3', '/etc/passwd']),
  );
  expect(paths.filter((path) => !path.startsWith('/'))).toEqual([]);
  expect(new Set(paths).size).toBe(paths.length);
});

it('stays within what the agent takes, whatever an image says, and within an eighth of the memory', () => {
  const long = Array.from({ length: 500 }, (_, index) => `/directory${index}`).join(':');
  const { paths, readBytes } = firstReads(config({ env: [`PATH=${long}`], cmd: ['a\0b'] }), 128);
  expect(paths.length).toBeLessThanOrEqual(512);
  expect(paths.some((path) => path.includes('\0'))).toBe(false);
  expect(readBytes).toBe(16 * 1024 ** 2);
  expect(firstReads(config(), 65_536).readBytes).toBe(48 * 1024 ** 2);
});
