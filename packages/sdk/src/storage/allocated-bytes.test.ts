import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { link, mkdir, mkdtemp, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { removeTree } from '@boxlite/layout';
import { describe, expect, it, onTestFinished } from 'vitest';
import { allocatedBytes, namesIn } from './allocated-bytes.js';

const EXCHANGE = fileURLToPath(new URL('../../../../test/support/exchange-names.py', import.meta.url));

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

  it('are not those of what a directory is exchanged for while it is measured', async () => {
    const path = await directory();
    const outside = await directory();
    await writeFile(join(outside, 'large'), Buffer.alloc(4_000_000, 1));
    const names = Array.from({ length: 40 }, (_, index) => [join(path, `real${index}`), join(path, `link${index}`)]);
    for (const [real = '', other = ''] of names) {
      await mkdir(real);
      await symlink(outside, other);
    }
    const child = spawn('python3', [EXCHANGE, '20', ...names.flat()], { stdio: ['ignore', 'pipe', 'inherit'] });
    onTestFinished(() => void child.kill('SIGKILL'));
    await once(child.stdout, 'data');
    for (let round = 0; round < 100; round += 1) expect(await allocatedBytes(path)).toBeLessThan(1_000_000);
  });

  it('leave out what lies deeper than anything of ours: a VMM can make more levels than a path can name', async () => {
    const path = await directory();
    const script =
      'd=aaaaaaaaaaaaaaaaaaaa; i=0; while [ $i -lt 300 ]; do mkdir $d && cd -P $d || exit 1; i=$((i+1)); done';
    execFileSync('bash', ['-c', script], { cwd: path });
    expect(await allocatedBytes(path)).toBeLessThan(1_000_000);
    await removeTree(path);
    await mkdir(path);
  });

  it('of nothing are none', async () => {
    const path = await directory();
    expect(await allocatedBytes(join(path, 'gone'))).toBe(0);
    expect(await namesIn(join(path, 'gone'))).toEqual([]);
  });
});
