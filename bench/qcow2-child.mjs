// A copy-on-write disk of a box, durable when it is done: ours, the same bytes written and fsynced by hand, and qemu-img.
import { execFileSync } from 'node:child_process';
import { closeSync, fsyncSync, openSync, readFileSync, statSync, truncateSync, unlinkSync, writeSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { alternate, timed } from './lib/alternate.mjs';
import { builtPackage } from './lib/packages.mjs';
import { report } from './lib/report.mjs';
import { withScratch } from './lib/scratch.mjs';
import { ratio, summarize } from './lib/statistics.mjs';

export const defaultRuns = 50;

const TARGET_MS = 1;
const DISK_BYTES = 10 * 1024 ** 3;

export function run({ runs, progress }) {
  return withScratch(async (directory) => {
    const { createQcow2DiskStore } = await builtPackage('disk-qcow2');
    const store = createQcow2DiskStore({ stagingDirectory: directory });
    const base = join(directory, 'base.ext4');
    closeSync(openSync(base, 'w'));
    truncateSync(base, DISK_BYTES);
    const model = join(directory, 'model.qcow2');
    await store.createChild(model, { path: base, format: 'raw' });
    const bytes = readFileSync(model).subarray(0, statSync(model).size);

    let number = 0;
    const once = async (name, create) => {
      number += 1;
      const path = join(directory, `${number}.qcow2`);
      const milliseconds = await timed(() => create(path));
      unlinkSync(path);
      return { [name]: milliseconds };
    };
    const samples = await alternate(
      {
        ours: () => once('createChild', (path) => store.createChild(path, { path: base, format: 'raw' })),
        floor: () => once('floor', (path) => writeDurably(path, bytes, directory)),
        asynchronousFloor: () => once('asyncFloor', (path) => writeDurablyAsync(path, bytes, directory)),
        qemuImg: () => once('qemuImg', (path) => runQemuImg(base, path)),
      },
      { runs, warmUp: 3, progress },
    );
    const ours = summarize(samples.createChild);
    return report(
      [
        { name: 'create child', samples: samples.createChild, unit: 'ms' },
        { name: 'floor: write, fsync of file and directory', samples: samples.floor, unit: 'ms' },
        { name: 'floor by node:fs/promises', samples: samples.asyncFloor, unit: 'ms' },
        { name: 'qemu-img create (not durable)', samples: samples.qemuImg, unit: 'ms' },
      ],
      [
        { name: 'create child', unit: 'ms', ...ours, target: TARGET_MS },
        { name: 'ours / floor', unit: 'x', ...ratio(ours, summarize(samples.floor)) },
        { name: 'ours / floor by promises', unit: 'x', ...ratio(ours, summarize(samples.asyncFloor)) },
        { name: 'ours / qemu-img', unit: 'x', ...ratio(ours, summarize(samples.qemuImg)) },
      ],
    );
  });
}

function writeDurably(path, bytes, directory) {
  const file = openSync(path, 'wx', 0o600);
  writeSync(file, bytes);
  fsyncSync(file);
  closeSync(file);
  const parent = openSync(directory, 'r');
  fsyncSync(parent);
  closeSync(parent);
}

async function writeDurablyAsync(path, bytes, directory) {
  const file = await open(path, 'wx', 0o600);
  await file.write(bytes);
  await file.sync();
  await file.close();
  const parent = await open(directory, 'r');
  await parent.sync();
  await parent.close();
}

function runQemuImg(base, path) {
  execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', '-b', base, '-F', 'raw', path]);
}
