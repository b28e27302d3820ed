// A copy-on-write disk of a box, durable when it is done: ours, the same pages written and fsynced by hand, and qemu-img.
import { execFileSync } from 'node:child_process';
import {
  closeSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readFileSync,
  truncateSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { alternate, timed } from './lib/alternate.mjs';
import { builtPackage } from './lib/packages.mjs';
import { report } from './lib/report.mjs';
import { withScratch } from './lib/scratch.mjs';
import { ratio, summarize } from './lib/statistics.mjs';

export const defaultRuns = 100;

const TARGET_MS = 1;
const DISK_BYTES = 10 * 1024 ** 3;
const PAGE_BYTES = 4096;

export function run({ runs, progress }) {
  return withScratch(async (directory) => {
    const { createQcow2DiskStore } = await builtPackage('disk-qcow2');
    const store = createQcow2DiskStore({ stagingDirectory: directory });
    const base = join(directory, 'base.ext4');
    closeSync(openSync(base, 'w'));
    truncateSync(base, DISK_BYTES);
    const createChild = (path) => store.createChild(path, { path: base, format: 'raw' });
    const model = join(directory, 'model.qcow2');
    await createChild(model);
    const content = pagesOf(readFileSync(model));

    let number = 0;
    const once = (name, create) => async () => {
      number += 1;
      const path = join(directory, `${number}.qcow2`);
      const milliseconds = await timed(() => create(path));
      unlinkSync(path);
      return { [name]: milliseconds };
    };
    const durable = await alternate(
      {
        ours: once('create child', createChild),
        floor: once('floor: write, fsync file and directory', (path) => writeDurably(path, content, directory)),
        promises: once('floor by node:fs/promises', (path) => writeByPromises(path, content, directory)),
      },
      { runs, warmUp: 5, progress },
    );
    // Apart: what qemu-img leaves to be written later would be paid by whoever syncs next.
    const tools = await alternate(
      {
        ours: once('create child, beside qemu-img', createChild),
        qemuImg: once('qemu-img create (not durable)', (path) => runQemuImg(base, path)),
      },
      { runs: Math.ceil(runs / 10), warmUp: 1 },
    );
    const samples = { ...durable, ...tools };
    const of = (name) => summarize(samples[name]);
    const ours = of('create child');
    return report(
      Object.entries(samples).map(([name, values]) => ({ name, samples: values, unit: 'ms' })),
      [
        { name: 'create child', unit: 'ms', ...ours, target: TARGET_MS },
        { name: 'ours / floor', unit: 'x', ...ratio(ours, of('floor: write, fsync file and directory')) },
        { name: 'ours / floor by promises', unit: 'x', ...ratio(ours, of('floor by node:fs/promises')) },
        {
          name: 'ours / qemu-img',
          unit: 'x',
          ...ratio(of('create child, beside qemu-img'), of('qemu-img create (not durable)')),
        },
      ],
    );
  });
}

/** What of a sparse file is written: its pages that are not all zeros, and its length. */
function pagesOf(bytes) {
  const pages = [];
  for (let offset = 0; offset < bytes.length; offset += PAGE_BYTES) {
    const page = bytes.subarray(offset, offset + PAGE_BYTES);
    if (page.some((byte) => byte !== 0)) pages.push({ offset, page });
  }
  return { pages, length: bytes.length };
}

function writeDurably(path, { pages, length }, directory) {
  const file = openSync(path, 'wx', 0o600);
  ftruncateSync(file, length);
  for (const { offset, page } of pages) writeSync(file, page, 0, page.length, offset);
  fsyncSync(file);
  closeSync(file);
  const parent = openSync(directory, 'r');
  fsyncSync(parent);
  closeSync(parent);
}

async function writeByPromises(path, { pages, length }, directory) {
  const file = await open(path, 'wx', 0o600);
  await file.truncate(length);
  await Promise.all(pages.map(({ offset, page }) => file.write(page, 0, page.length, offset)));
  await file.sync();
  await file.close();
  const parent = await open(directory, 'r');
  await parent.sync();
  await parent.close();
}

function runQemuImg(base, path) {
  execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', '-b', base, '-F', 'raw', path]);
}
