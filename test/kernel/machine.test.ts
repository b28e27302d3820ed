import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildImageDisk, skeletonLayer } from '@boxlite/rootfs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tarArchive } from '../../scripts/starter-image.mjs';
import { bootMachine } from '../support/boot-agent.js';
import { processesOf } from '../support/leftovers.js';
import { patience } from '../support/patience.js';
import { buildKernelProbe, type KernelBox, startKernelBox } from './support/kernel-box.js';
import { namedByPath, ownKernel, whyNoOwnKernel } from './support/own-kernel.js';

const MIB = 1024 * 1024;
/** VIRTIO_BALLOON_F_REPORTING (virtio 1.2, 5.5.3). */
const FREE_PAGE_REPORTING = 5;
const BALLOON = '0x0005';

const missing = await whyNoOwnKernel();
const title = (text: string) => (missing === undefined ? text : `${text} (${missing})`);

describe.skipIf(missing !== undefined)(title('a machine with many processors'), () => {
  it.skipIf(namedByPath)(
    'has 64 of them',
    async () => {
      await using machine = await startKernelBox({ cpus: 64, memoryMib: 1024 });
      expect(await machine.sh('nproc')).toBe('64\n');
      expect(await machine.sh('cat /sys/devices/system/cpu/online')).toBe('0-63\n');
    },
    patience(300_000),
  );
});

describe.skipIf(missing !== undefined)(title('memory that a box has freed'), () => {
  let machine: KernelBox;
  beforeAll(async () => {
    machine = await startKernelBox({ memoryMib: 512 });
  }, patience(60_000));
  afterAll(() => machine?.[Symbol.asyncDispose]());

  it('is reported by the balloon driver, as the device and it have agreed', async () => {
    const devices = await machine.sh(
      'cd /sys/bus/virtio/devices && for d in *; do echo "$(cat $d/device) $(cat $d/features)"; done',
    );
    const balloon = devices.split('\n').find((line) => line.startsWith(BALLOON));
    expect(balloon, 'the VMM has no balloon device').toBeDefined();
    expect(balloon?.split(' ')[1]?.[FREE_PAGE_REPORTING]).toBe('1');
  });

  it(
    'goes back to the host',
    async () => {
      const filled = 256;
      const before = await residentMib(machine.home.home);
      await machine.probe('fill', String(filled));
      // What the guest had at its most is what the host gives now, unless it was told.
      await expect
        .poll(async () => (await residentMib(machine.home.home)) - before, { timeout: patience(30_000), interval: 500 })
        .toBeLessThan(filled / 4);
    },
    patience(60_000),
  );
});

describe.skipIf(missing !== undefined)(title('the end of a machine'), () => {
  let directory: string;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'boxlite-kernel-'));
    const content = await readFile(await buildKernelProbe());
    const programs = ['end-by-power-off', 'end-by-reset'].map((name) => ({
      name,
      type: 'file' as const,
      mode: 0o755,
      content,
    }));
    const layer = async function* () {
      yield tarArchive(programs);
    };
    await buildImageDisk({
      layers: [skeletonLayer(), layer],
      target: join(directory, 'rootfs.ext4'),
      sizeBytes: 16 * MIB,
      journal: false,
    });
    await writeFile(join(directory, 'disk'), Buffer.alloc(MIB));
  });
  afterAll(() => rm(directory, { recursive: true, force: true }));

  it.each(['power-off', 'reset'])(
    'by %s is the end of its VMM, at once',
    async (how) => {
      await using machine = await bootMachine({
        rootfs: join(directory, 'rootfs.ext4'),
        disk: join(directory, 'disk'),
        init: `/end-by-${how}`,
        kernel: await ownKernel(),
      });
      expect(await machine.exited).toBe(0);
      expect(await machine.consoleText()).not.toMatch(/panic|halted/i);
    },
    patience(60_000),
  );
});

/** Resident memory of the VMM of the one box of a home. */
async function residentMib(home: string): Promise<number> {
  const sizes = await Promise.all(
    processesOf(home).map(async (pid) => {
      const status = await readFile(`/proc/${pid}/status`, 'utf8');
      return /^Name:\tqemu/m.test(status) ? Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]) / 1024 : 0;
    }),
  );
  return Math.max(...sizes);
}
