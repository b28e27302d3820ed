import { execFileSync } from 'node:child_process';
import { linkSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { boxLogs } from './box-logs.js';

let base: string;
let consoleLog: string;
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'boxlite-logs-'));
  consoleLog = join(base, 'console.log');
});
afterEach(() => rmSync(base, { recursive: true, force: true }));

describe('the console of a box', () => {
  it('is read with what was rotated before it, line by line, or its last lines', async () => {
    writeFileSync(`${consoleLog}.1`, 'one\r\ntw');
    writeFileSync(consoleLog, 'o\r\nthree\r\n\r\n');
    expect(await boxLogs({ consoleLog })).toEqual(['one', 'two', 'three', '']);
    expect(await boxLogs({ consoleLog }, { tail: 2 })).toEqual(['three', '']);
    expect(await boxLogs({ consoleLog }, { tail: 0 })).toEqual([]);
    expect(await boxLogs({ consoleLog }, { tail: 100 })).toHaveLength(4);
  });

  it('is empty before anything was written', async () => {
    expect(await boxLogs({ consoleLog })).toEqual([]);
  });

  it.each([
    ['a symbolic link', () => symlinkSync('/etc/passwd', consoleLog)],
    [
      'a second name of another file',
      () => [writeFileSync(join(base, 'secret'), 'x'), linkSync(join(base, 'secret'), consoleLog)],
    ],
    ['a pipe nobody writes', () => void execFileSync('mkfifo', [consoleLog])],
    ['a directory', () => void execFileSync('mkdir', [consoleLog])],
    ['a device', () => symlinkSync('/dev/zero', consoleLog)],
  ])('is not read where it is %s', async (_what, plant) => {
    plant();
    await expect(boxLogs({ consoleLog })).rejects.toMatchObject({ code: 'permission_denied' });
  });
});
