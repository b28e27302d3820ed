import { existsSync, mkdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { rotateExitRecord } from '../src/index.js';
import { temporaryDirectory } from './temporary-directory.js';

let box: { exitFile: string; exitPreviousFile: string };

beforeEach(async () => {
  const dir = await temporaryDirectory();
  box = { exitFile: join(dir, 'exit'), exitPreviousFile: join(dir, 'exit.previous') };
});

describe('rotation of the exit record', () => {
  it('moves a non-empty record to exit.previous before a spawn, over an older one', async () => {
    writeFileSync(box.exitFile, 'new');
    writeFileSync(box.exitPreviousFile, 'old');
    expect(await rotateExitRecord(box)).toBe(true);
    expect(existsSync(box.exitFile)).toBe(false);
    expect(readFileSync(box.exitPreviousFile, 'utf8')).toBe('new');
  });

  it('never moves an empty file, which is no record', async () => {
    writeFileSync(box.exitFile, '');
    writeFileSync(box.exitPreviousFile, 'old');
    expect(await rotateExitRecord(box)).toBe(false);
    expect(readFileSync(box.exitPreviousFile, 'utf8')).toBe('old');
  });

  it('finds no record fine', async () => {
    expect(await rotateExitRecord(box)).toBe(false);
  });

  it('on adoption moves only a record older than the start of the living VMM', async () => {
    const vmmStart = Date.now();
    writeFileSync(box.exitFile, 'record');
    utimesSync(box.exitFile, new Date(vmmStart + 1000), new Date(vmmStart + 1000));
    expect(await rotateExitRecord(box, vmmStart)).toBe(false);
    utimesSync(box.exitFile, new Date(vmmStart - 1000), new Date(vmmStart - 1000));
    expect(await rotateExitRecord(box, vmmStart)).toBe(true);
  });

  it('refuses something that is no file', async () => {
    mkdirSync(box.exitFile);
    await expect(rotateExitRecord(box)).rejects.toMatchObject({ code: 'storage_error' });
  });
});
