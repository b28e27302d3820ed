// A chain of disks as one standalone disk, durable when it is done: ours against `qemu-img convert`, also made durable.
import { execFileSync } from 'node:child_process';
import { createCipheriv } from 'node:crypto';
import { closeSync, ftruncateSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { alternate, timed } from './lib/alternate.mjs';
import { builtPackage } from './lib/packages.mjs';
import { report } from './lib/report.mjs';
import { withScratch } from './lib/scratch.mjs';
import { ratio, summarize } from './lib/statistics.mjs';

export const defaultRuns = 5;

const TARGET_RATIO = 1.2;
/** What a box gets by default, of which an image fills so much, and a box changes some of it. */
const DISK_BYTES = 10 * 1024 ** 3;
const BASE_MIB = 400;
const OWN_MIB = 100;
const MIB = 1024 ** 2;

export function run({ runs, progress }) {
  return withScratch(async (directory) => {
    const { createQcow2DiskStore } = await builtPackage('disk-qcow2');
    const store = createQcow2DiskStore({ stagingDirectory: directory });
    const child = await makeChain(store, directory);
    const target = join(directory, 'flat.qcow2');
    const once = (name, flatten) => async () => {
      const milliseconds = await timed(flatten);
      rmSync(target);
      return { [name]: milliseconds };
    };
    const samples = await alternate(
      {
        ours: once('flatten', () => store.flatten(child, target)),
        qemuImg: once('qemu-img convert + fsync', () => {
          execFileSync('qemu-img', ['convert', '-f', 'qcow2', '-O', 'qcow2', child, target]);
          execFileSync('sync', [target]);
        }),
      },
      { runs, warmUp: 1, progress },
    );
    return report(
      Object.entries(samples).map(([name, values]) => ({ name, samples: values, unit: 'ms' })),
      [
        {
          name: 'ours / (qemu-img convert + fsync)',
          unit: 'x',
          ...ratio(summarize(samples.flatten), summarize(samples['qemu-img convert + fsync'])),
          target: TARGET_RATIO,
        },
      ],
    );
  });
}

/** A raw base with data all over it, and a child with some of its own, in the pieces a guest writes. */
async function makeChain(store, directory) {
  const base = join(directory, 'base.ext4');
  const noise = createCipheriv('aes-128-ctr', Buffer.alloc(16), Buffer.alloc(16)).update(Buffer.alloc(MIB));
  const file = openSync(base, 'w');
  ftruncateSync(file, DISK_BYTES);
  for (let number = 0; number < BASE_MIB; number += 1) writeSync(file, noise, 0, MIB, number * 16 * MIB);
  closeSync(file);
  const child = join(directory, 'child.qcow2');
  await store.createChild(child, { path: base, format: 'raw' });
  const writes = Array.from(
    { length: OWN_MIB * 4 },
    (_, number) => `write -P ${(number % 255) + 1} ${number * 20}M 256k`,
  );
  execFileSync('qemu-io', ['-f', 'qcow2', child], {
    input: `${writes.join('\n')}\nq\n`,
    stdio: ['pipe', 'ignore', 'pipe'],
  });
  execFileSync('sync', [base, child]);
  return child;
}
