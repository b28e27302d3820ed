import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createAgentClient } from '@boxlite/guest-agent';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { bootCapturable, type CapturableAgent } from '../../../test/support/continue-agent.js';
import { finish } from './support/box.js';
import { makeBusyboxDisk, makeGuestRootfs } from './support/disks.js';
import { failure } from './support/failure.js';
import { guestMachine } from './support/guest-machine.js';
import { buildNative } from './support/native-build.js';

const MIB = 1024 * 1024;
const MADE = 64 * MIB;
const GROWN = 160 * MIB;
const HOST = { hostname: 'sized' };

/** Real machines: their kernel is told of a size by the interrupt of the device, as one that goes on from a capture is. */
describe('init of a disk that has another size than the machine knew', () => {
  let directory: string;
  let machine: CapturableAgent;

  beforeEach(async () => {
    await buildNative(...guestMachine.make);
    directory = await mkdtemp(join(tmpdir(), 'boxlite-disk-bytes-'));
    const [rootfs, disk] = [join(directory, 'rootfs.ext4'), join(directory, 'disk.ext4')];
    await makeGuestRootfs(join(directory, 'rootfs'), rootfs, { 'boxlite-guest': guestMachine.agent() });
    await makeBusyboxDisk(join(directory, 'disk'), disk);
    machine = await bootCapturable({ rootfs, disk }, directory);
  });
  afterEach(async () => {
    await machine[Symbol.asyncDispose]();
    await rm(directory, { recursive: true, force: true });
  });

  async function mebibytesOfRoot(): Promise<number> {
    const client = createAgentClient(machine.channel());
    const { stdout } = await finish(await client.exec({ argv: ['stat', '-f', '-c', '%b %S', '/'] }));
    const [blocks = 0, size = 0] = stdout.split(' ').map(Number);
    return (blocks * size) / MIB;
  }

  it('waits until its kernel knows of the size, and the file system is as large', async () => {
    const client = createAgentClient(machine.channel());
    await client.hello;
    const initialized = client.init({ ...HOST, diskBytes: GROWN });
    await machine.resizeDisk(GROWN);
    await initialized;
    expect(await mebibytesOfRoot()).toBeGreaterThan(0.85 * (GROWN / MIB));
  });

  it('is disk_invalid with both sizes once it has waited in vain, mounts nothing, and can be asked for again', async () => {
    const client = createAgentClient(machine.channel());
    const begun = performance.now();
    const refused = await failure(client.init({ ...HOST, diskBytes: GROWN }));
    expect(performance.now() - begun).toBeGreaterThan(1000);
    expect(refused).toMatchObject({
      code: 'disk_invalid',
      message: expect.stringContaining(`has ${MADE} bytes and should have ${GROWN}`),
      details: { field: 'disk' },
    });
    await machine.resizeDisk(GROWN);
    await client.init({ ...HOST, diskBytes: GROWN });
    expect(await mebibytesOfRoot()).toBeGreaterThan(0.85 * (GROWN / MIB));
  });
});
