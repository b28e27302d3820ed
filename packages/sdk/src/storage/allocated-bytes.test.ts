import { link, mkdtemp, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { allocatedBytes, namesIn } from './allocated-bytes.js';

async function directory(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'boxlite-bytes-'));
  onTestFinished(() => rm(path, { recursive: true }));
  return path;
}

describe('the bytes something takes on disk', () => {
  it('do not include holes', async () => {
    const file = join(await directory(), 'sparse');
    await writeFile(file, 'x');
    await truncate(file, 2 ** 40);
    expect(await allocatedBytes(file)).toBeLessThan(64 * 1024);
    expect(await allocatedBytes(file)).toBeGreaterThan(0);
  });

  it('count a file once however many names it has', async () => {
    const path = await directory();
    const empty = await allocatedBytes(path);
    await writeFile(join(path, 'one'), Buffer.alloc(100_000, 1));
    const once = await allocatedBytes(path);
    await link(join(path, 'one'), join(path, 'two'));
    expect(await allocatedBytes(path)).toBe(once);
    expect(once - empty).toBeGreaterThanOrEqual(100_000);
  });

  it('are not those of what a link points to', async () => {
    const path = await directory();
    await symlink('/usr', join(path, 'link'));
    expect(await allocatedBytes(path)).toBeLessThan(64 * 1024);
  });

  it('of nothing are none', async () => {
    const path = await directory();
    expect(await allocatedBytes(join(path, 'gone'))).toBe(0);
    expect(await namesIn(join(path, 'gone'))).toEqual([]);
  });
});
