import { execFile } from 'node:child_process';
import { createReadStream, watch } from 'node:fs';
import { mkdtemp, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createAgentClient, readAgentBinary } from '@boxlite/guest-agent';
import { agentLayer, buildImageDisk, skeletonLayer } from '@boxlite/rootfs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { busyboxEntries, findBusybox, tarArchive } from '../../scripts/starter-image.mjs';
import { type BootedAgent, bootAgent } from '../support/boot-agent.js';
import { patience } from '../support/patience.js';

const run = promisify(execFile);
const MIB = 1024 ** 2;
const GIB = 1024 ** 3;

/** The bare agent on a machine of QEMU's, over a raw disk: what grows it in a box too. */
describe('the file system of a disk that is larger than it', () => {
  let directory: string;
  let rootfs: string;
  const inDirectory = (name: string) => join(directory, name);

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'boxlite-growth-'));
    rootfs = inDirectory('rootfs.ext4');
    const agent = await readAgentBinary();
    await buildImageDisk({
      layers: [skeletonLayer(), agentLayer(agent)],
      target: rootfs,
      sizeBytes: 16 * MIB,
      journal: false,
    });
    await writeFile(inDirectory('layer.tar'), tarArchive(busyboxEntries(findBusybox())));
  });
  afterAll(() => rm(directory, { recursive: true, force: true }));

  async function makeDisk(name: string, sizeBytes: number, deviceBytes: number): Promise<string> {
    const target = inDirectory(name);
    await buildImageDisk({ layers: [createReadStream(inDirectory('layer.tar'))], target, sizeBytes });
    await truncate(target, deviceBytes);
    return target;
  }

  /** Boots, looks, and ends the machine as a power cut does. */
  async function start(disk: string) {
    await using machine = await bootAgent({ rootfs, disk });
    const client = createAgentClient(machine.channel());
    const { diskGrowthUs } = await client.init({ hostname: 'growing' });
    const shown = await client.exec({ argv: ['df', '-k', '/'] });
    const chunks: Uint8Array[] = [];
    for await (const chunk of shown.stdout) chunks.push(chunk);
    await shown.wait();
    const kib = Number(/\/dev\/vda\s+(\d+)/.exec(Buffer.concat(chunks).toString())?.[1]);
    return { diskGrowthUs, sizeBytes: kib * 1024 };
  }

  it('fills it at the first start, and is left alone at the second', async () => {
    const disk = await makeDisk('small.ext4', 256 * MIB, 20 * GIB);
    const first = await start(disk);
    expect(first.diskGrowthUs).toBeGreaterThan(0);
    expect(first.sizeBytes).toBeGreaterThan(19 * GIB);
    // What was added costs the host next to nothing: no inode table is filled with zeros, not in the background either.
    expect((await stat(disk)).blocks * 512).toBeLessThan(8 * MIB);
    expect(await start(disk)).toEqual({ diskGrowthUs: 0, sizeBytes: first.sizeBytes });
    await run('e2fsck', ['-fy', disk]).catch(({ code }) => expect(code).toBe(1)); // replays the journal of the power cut
    await run('e2fsck', ['-fn', disk]);
  });

  it('is not touched where the device is as large as it', async () => {
    const disk = await makeDisk('full.ext4', 256 * MIB, 256 * MIB);
    expect((await start(disk)).diskGrowthUs).toBe(0);
  });

  it(
    'is sound when the machine dies in the middle, and grows further at the next start',
    async () => {
      const disk = await makeDisk('killed.ext4', 256 * MIB, 400 * GIB);
      const before = (await stat(disk)).blocks;
      const machine: BootedAgent = await bootAgent({ rootfs, disk });
      const writes = watch(disk);
      const growing = new Promise<void>((resolve) => {
        // A MiB of new groups has come to the host: the kernel is at it, and far from done.
        writes.on('change', () => void stat(disk).then(({ blocks }) => (blocks - before) * 512 > MIB && resolve()));
      });
      const initialized = createAgentClient(machine.channel())
        .init({ hostname: 'growing' })
        .then(
          () => 'done',
          () => 'ended',
        );
      await growing;
      await machine[Symbol.asyncDispose]();
      writes.close();
      expect(await initialized).toBe('ended');
      const next = await start(disk);
      expect(next.diskGrowthUs).toBeGreaterThan(0);
      expect(next.sizeBytes).toBeGreaterThan(390 * GIB);
      await run('e2fsck', ['-fy', disk]).catch(({ code }) => expect(code).toBe(1));
      await run('e2fsck', ['-fn', disk]);
    },
    patience(120_000),
  );
});
