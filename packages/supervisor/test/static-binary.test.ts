import { execFileSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { beforeAll, expect, it } from 'vitest';
import { supervisorBinaryPath } from '../src/index.js';
import { buildNative } from './support/native-build.js';

beforeAll(() => buildNative('all'));

it('the supervisor is a static program without an interpreter or a library, of less than 256 KiB', () => {
  const headers = execFileSync('readelf', ['-ld', supervisorBinaryPath()], { encoding: 'utf8' });
  expect(headers).not.toMatch(/INTERP|NEEDED/);
  expect(statSync(supervisorBinaryPath()).size).toBeLessThan(256 * 1024);
});
