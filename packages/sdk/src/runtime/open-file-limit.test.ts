import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openFileLimit } from './open-file-limit.js';

it.each([
  ['1024                 4096                 files', 4096],
  ['1024                 unlimited            files', 1_048_576],
  ['1024                 2000000              files', 1_048_576],
])('a VMM that serves files may open as many as this process could (%s)', async (limits, expected) => {
  const directory = mkdtempSync(join(tmpdir(), 'boxlite-limits-'));
  const file = join(directory, 'limits');
  writeFileSync(file, `Max processes             1   2  processes\nMax open files            ${limits}\n`);
  expect(await openFileLimit(file)).toBe(expected);
  rmSync(directory, { recursive: true });
  expect(await openFileLimit(file)).toBe(4096);
});
