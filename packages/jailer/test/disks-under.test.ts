import { mkdir, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { deviceNumber, disksUnder } from '../src/cgroup/disks-under.js';

describe('the disks under files', () => {
  let work: string;
  beforeEach(async () => {
    work = await mkdtemp(join(tmpdir(), 'boxlite-disks-'));
  });
  afterEach(() => rm(work, { recursive: true, force: true }));

  it('are whole disks: a partition is none the kernel limits', async () => {
    const number = deviceNumber((await stat(work, { bigint: true })).dev);
    await mkdir(join(work, 'devices/sda/sda1'), { recursive: true });
    await writeFile(join(work, 'devices/sda/dev'), '8:0\n');
    await writeFile(join(work, 'devices/sda/sda1/partition'), '1\n');
    await mkdir(join(work, 'block'));
    await symlink(join(work, 'devices/sda/sda1'), join(work, 'block', number));
    expect(disksUnder([work, join(work, 'devices'), join(work, 'gone')], '', join(work, 'block'))).toEqual(['8:0']);
    await rm(join(work, 'devices/sda/sda1/partition'));
    expect(disksUnder([work], '', join(work, 'block'))).toEqual([number]);
  });

  it('are none for what lies in memory', async () => {
    expect(disksUnder(['/proc'], await readFile('/proc/self/mountinfo', 'utf8'))).toEqual([]);
  });

  it('have their numbers as the C library writes them', () => {
    expect(deviceNumber(0x801n)).toBe('8:1');
    expect(deviceNumber((0x103n << 8n) | 0x2n)).toBe('259:2');
    expect(deviceNumber(((0x123n << 12n) << 8n) | 0x45n)).toBe(`0:${(0x123 << 8) | 0x45}`);
  });
});
