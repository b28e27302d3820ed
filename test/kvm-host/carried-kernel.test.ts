import { createHash } from 'node:crypto';
import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
} from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { carriedKernel } from './carried-kernel.mjs';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'carried-kernel-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

/** A build as the cache has them: for its owner alone. */
async function built(name: string, content: string): Promise<string> {
  const build = join(directory, 'cache/boxlite/kernel', name);
  await mkdir(build, { recursive: true, mode: 0o700 });
  const sha256 = createHash('sha256').update(content).digest('hex');
  await writeFile(join(build, 'kernel.json'), JSON.stringify({ file: 'vmlinux', size: content.length, sha256 }));
  await writeFile(join(build, 'vmlinux'), content, { mode: 0o755 });
  return build;
}

const said: string[] = [];
const carry = (environment: Record<string, string>) =>
  carriedKernel({ checkout: join(directory, 'checkout'), environment, say: (line) => void said.push(line) });
const place = () => join(directory, 'checkout/.cache/kvm-host-kernel');

describe('the kernel that goes into the KVM host', () => {
  it('is the last build of the user, with modes that an ordinary user of the host can read', async () => {
    await built('first', 'a kernel');
    symlinkSync('first', join(directory, 'cache/boxlite/kernel/latest-x86_64'));
    const { BOXLITE_KERNEL_DIR: carried = '' } = carry({
      XDG_CACHE_HOME: join(directory, 'cache'),
      HOME: '/nonexistent',
    });
    expect(readFileSync(join(carried, 'vmlinux'), 'utf8')).toBe('a kernel');
    for (const path of [place(), carried, join(carried, 'vmlinux'), join(carried, 'kernel.json')])
      expect(statSync(path).mode & 0o044, path).toBe(0o044);
    expect(readdirSync(place())).toHaveLength(1);
  });

  it('is the directory that BOXLITE_KERNEL_DIR names, put there once; one of another day goes', async () => {
    const first = await built('first', 'a kernel');
    const { BOXLITE_KERNEL_DIR: one = '' } = carry({ BOXLITE_KERNEL_DIR: first });
    const { ino } = statSync(one);
    expect(carry({ BOXLITE_KERNEL_DIR: first })).toEqual({ BOXLITE_KERNEL_DIR: one });
    expect(statSync(one).ino).toBe(ino);
    const second = await built('second', 'another kernel');
    carry({ BOXLITE_KERNEL_DIR: second });
    expect(readdirSync(place())).toHaveLength(2);
    utimesSync(one, 1, 1);
    carry({ BOXLITE_KERNEL_DIR: second });
    expect(readdirSync(place())).toHaveLength(1);
  });

  it('is made anew where half of it is there', async () => {
    const build = await built('first', 'a kernel');
    const { BOXLITE_KERNEL_DIR: carried = '' } = carry({ BOXLITE_KERNEL_DIR: build });
    rmSync(join(carried, 'vmlinux'));
    carry({ BOXLITE_KERNEL_DIR: build });
    expect(readFileSync(join(carried, 'vmlinux'), 'utf8')).toBe('a kernel');
  });

  it('is none where none was built, and that is told; one that is asked for must be whole', async () => {
    said.length = 0;
    expect(carry({ XDG_CACHE_HOME: join(directory, 'empty') })).toEqual({});
    expect(said).toEqual([expect.stringContaining("no kernel of BoxLite's own comes into the host")]);
    const build = await built('first', 'a kernel');
    truncateSync(join(build, 'vmlinux'), 3);
    expect(() => carry({ BOXLITE_KERNEL_DIR: build })).toThrow(
      /BOXLITE_KERNEL_DIR: .*has 3 bytes, where 8 are expected/,
    );
  });
});
