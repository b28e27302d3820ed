import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { KernelRecord } from '@boxlite/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { keptKernel } from './kept-kernel.js';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'boxlite-kept-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const sha256 = createHash('sha256').update('a kernel').digest('hex');
const recorded: KernelRecord = { source: 'file', digest: `sha256:${sha256}`, version: '6.1.0' };
const layout = () => ({ kernel: (name: string) => join(directory, name) });

describe('the copy of a kernel’s file', () => {
  it('is booted when the file is gone, and only then', async () => {
    const file = join(directory, 'vmlinux');
    await writeFile(join(directory, sha256), 'a kernel');
    expect(await keptKernel(layout(), recorded, file)).toMatchObject({ source: 'file', version: '6.1.0' });
    await writeFile(file, 'another');
    expect(await keptKernel(layout(), recorded, file)).toBeUndefined();
  });

  it('is not booted when it is not what it was, or of a source', async () => {
    const gone = join(directory, 'gone');
    expect(await keptKernel(layout(), recorded, gone)).toBeUndefined();
    await writeFile(join(directory, sha256), 'not the kernel');
    expect(await keptKernel(layout(), recorded, gone)).toBeUndefined();
    await writeFile(join(directory, sha256), 'a kernel');
    expect(await keptKernel(layout(), { ...recorded, source: 'boxlite' }, gone)).toBeUndefined();
    expect(await keptKernel(layout(), undefined, gone)).toBeUndefined();
  });
});
