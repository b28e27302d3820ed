import { copyFile, mkdir, mkdtemp, open, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { VmmSpec } from '@boxlite/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checkSnapshot } from './check-snapshot.js';
import { StateWriter } from './state-writer.js';

const disk = (readOnly: boolean) => ({ path: '/disk', format: 'raw', readOnly }) as const;
const spec: VmmSpec = {
  ...{ boxId: 'box', vcpus: 2, memoryMib: 64, kernel: '/kernel', commandLine: [] },
  ...{ disks: [disk(false), disk(true)], shares: [], nics: [], agentSocket: '/agent' },
};
const shape = { qemu: '7.2.22', accelerator: 'tcg', vcpus: 2, memoryMib: 64 };
const disks = [
  { readOnly: false, bytes: 512 },
  { readOnly: true, bytes: 1024 },
];

let directory: string;
let from: { memory: string; state: string };
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'boxlite-check-'));
  from = { memory: join(directory, 'memory'), state: join(directory, 'state') };
  await writeFile(from.memory, '');
  await truncate(from.memory, 64 * 1024 * 1024);
  await using file = await open(from.state, 'w');
  const writer = new StateWriter(file);
  for (let part = 0; part < 5; part += 1) {
    writer.add(Buffer.alloc(100_000, part));
    await writer.settle();
  }
  await writer.finish({ ...shape, disks });
});
afterEach(() => rm(directory, { recursive: true }));

describe('checkSnapshot', () => {
  it('accepts a whole snapshot and says of what machine it is', async () => {
    expect(await checkSnapshot(spec, from, 'tcg')).toMatchObject({ ...shape, disks, stateBytes: 500_000 });
  });

  it.each<[string, () => Promise<unknown>, string]>([
    ['a state cut by a byte', () => truncate(from.state, 500_100), 'from.state'],
    ['an empty state', () => truncate(from.state, 0), 'from.state'],
    ['a state with a changed byte', () => writeAt(from.state, 250_000), 'from.state'],
    ['a state with a changed trailer', () => writeAt(from.state, 500_001), 'from.state'],
    ['a state with bytes behind it', () => writeFile(from.state, 'more', { flag: 'a' }), 'from.state'],
    ['no state', () => rm(from.state), 'from.state'],
    ['a state that is a link', () => replaceByLink(from.state), 'from.state'],
    ['a memory that is too short', () => truncate(from.memory, 4096), 'from.memory'],
    ['a memory that is too long', () => truncate(from.memory, 65 * 1024 * 1024), 'from.memory'],
    ['a memory that is a directory', () => rm(from.memory).then(() => mkdir(from.memory)), 'from.memory'],
  ])('refuses %s as snapshot_invalid', async (_, damage, field) => {
    await damage();
    await expect(checkSnapshot(spec, from, 'tcg')).rejects.toMatchObject({
      code: 'snapshot_invalid',
      details: { field },
    });
  });

  it.each<[string, Partial<VmmSpec>, string, string]>([
    ['memory', { memoryMib: 128 }, 'tcg', 'memoryMib'],
    ['CPUs', { vcpus: 1 }, 'tcg', 'vcpus'],
    ['disks', { disks: [disk(false)] }, 'tcg', 'disks'],
    ['rights to its disks', { disks: [disk(true), disk(false)] }, 'tcg', 'disks'],
    ['accelerator', {}, 'kvm', 'accelerator'],
  ])('refuses a machine with other %s as snapshot_invalid', async (_, change, accelerator, field) => {
    const refused = checkSnapshot({ ...spec, ...change }, from, accelerator);
    await expect(refused).rejects.toMatchObject({ code: 'snapshot_invalid', details: { field } });
  });
});

async function writeAt(path: string, position: number): Promise<void> {
  await using file = await open(path, 'r+');
  await file.write('\u0001', position);
}

async function replaceByLink(path: string): Promise<void> {
  await copyFile(path, `${path}.real`);
  await rm(path);
  await symlink(`${path}.real`, path);
}
