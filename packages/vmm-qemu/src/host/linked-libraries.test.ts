import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { linkedLibraries } from './linked-libraries.js';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'boxlite-linked-'));
});
afterEach(() => rm(directory, { recursive: true }));

async function file(content: string | Buffer): Promise<string> {
  const path = join(directory, 'file');
  await writeFile(path, content);
  return path;
}

/** An ELF file of one program header, which is the dynamic section, behind it. */
function elf(change: (bytes: Buffer) => void): Buffer {
  const bytes = Buffer.alloc(64 + 56 + 32);
  bytes.write('\x7fELF\x02\x01', 'latin1');
  bytes.writeBigUInt64LE(64n, 32);
  bytes.writeUInt16LE(1, 56);
  bytes.writeUInt32LE(2, 64);
  bytes.writeBigUInt64LE(120n, 72);
  bytes.writeBigUInt64LE(32n, 96);
  change(bytes);
  return bytes;
}

describe('the libraries a program is linked with', () => {
  it('are those readelf tells', () => {
    const told = execFileSync('readelf', ['-d', process.execPath], { encoding: 'utf8' });
    const names = [...told.matchAll(/\(NEEDED\).*\[(.*)\]/g)].map(([, name]) => name);
    expect(names.length).toBeGreaterThan(1);
    expect(linkedLibraries(process.execPath)).toEqual(names);
  });

  it('are unknown for what is no program, is not there, or is a directory', async () => {
    for (const content of ['', '#!/bin/sh\n', '\x7fELF\x02\x01', '\x7fELF\x01\x01'.padEnd(200, '\0')]) {
      expect(linkedLibraries(await file(content))).toBeUndefined();
    }
    expect(linkedLibraries(directory)).toBeUndefined();
    expect(linkedLibraries(join(directory, 'absent'))).toBeUndefined();
  });

  it.each<[string, (bytes: Buffer) => void]>([
    ['no names', () => undefined],
    ['names nowhere in the file', (bytes) => bytes.writeBigUInt64LE(5n, 120)],
    ['headers outside of it', (bytes) => bytes.writeBigUInt64LE(2n ** 64n - 1n, 32)],
    ['more headers than there are', (bytes) => bytes.writeUInt16LE(65_535, 56)],
    ['a dynamic section without an end', (bytes) => bytes.writeBigUInt64LE(2n ** 63n, 96)],
  ])('are unknown for a file with %s', async (_, change) => {
    expect(linkedLibraries(await file(elf(change)))).toBeUndefined();
  });
});
