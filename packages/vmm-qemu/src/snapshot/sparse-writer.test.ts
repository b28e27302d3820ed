import { type FileHandle, mkdtemp, open, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SparseWriter } from './sparse-writer.js';
import { PAGE_BYTES } from './stream-format.js';

const MIB = 1024 * 1024;
let directory: string;
let path: string;
let file: FileHandle;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'boxlite-sparse-'));
  path = join(directory, 'memory');
  file = await open(path, 'w');
});
afterEach(async () => {
  await file.close();
  await rm(directory, { recursive: true });
});

const filled = (value: number) => Buffer.alloc(PAGE_BYTES, value);

describe('SparseWriter', () => {
  it('puts pages where they belong and leaves holes between them', async () => {
    const writer = new SparseWriter(file, 64 * MIB);
    const pages = [0, 1, 2, 700, 701, 16_383].map((index) => index * PAGE_BYTES);
    for (const [index, address] of pages.entries()) writer.page(address, filled(index + 1));
    writer.zeroPage(5 * PAGE_BYTES);
    await writer.finish();
    const bytes = await readFile(path);
    expect(bytes).toHaveLength(64 * MIB);
    const expected = Buffer.alloc(64 * MIB);
    for (const [index, address] of pages.entries()) expected.fill(index + 1, address, address + PAGE_BYTES);
    expect(bytes.equals(expected)).toBe(true);
    expect((await stat(path)).blocks * 512).toBeLessThan(MIB);
  });

  it('keeps what came last, also of a page that was emptied again, with writes in between or without', async () => {
    const writer = new SparseWriter(file, MIB);
    for (const address of [0, PAGE_BYTES, 2 * PAGE_BYTES]) writer.page(address, filled(1));
    writer.page(0, filled(2));
    await writer.finish();
    writer.zeroPage(PAGE_BYTES);
    writer.page(2 * PAGE_BYTES, filled(3));
    writer.page(2 * PAGE_BYTES, filled(4));
    await writer.finish();
    const [first, second, third] = [0, 1, 2].map((index) => index * PAGE_BYTES);
    const bytes = await readFile(path);
    expect([bytes[first ?? 0], bytes[second ?? 0], bytes[third ?? 0]]).toEqual([2, 0, 4]);
  });

  it('takes a copy: the buffer may be used again at once', async () => {
    const writer = new SparseWriter(file, MIB);
    const page = filled(9);
    writer.page(0, page);
    page.fill(0);
    await writer.finish();
    expect((await readFile(path))[0]).toBe(9);
  });
});
