import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { makeFuzzCase } from './fuzz-case.js';
import { FuzzRunner } from './fuzz-runner.js';

/** Runs cases and tells the parent the seed of each before it begins. Arguments: first seed, count, directory for the disks. */
const [seed = '1', count = '1000', parent = '/tmp'] = process.argv.slice(2);

const execute = promisify(execFile);
const tell = (message: object) => new Promise<void>((resolve) => process.send?.(message, () => resolve()));

const directory = await mkdtemp(join(parent, 'boxlite-fuzz-'));
try {
  const check = (disk: string) => execute('e2fsck', ['-fn', disk], { maxBuffer: 64 * 1024 ** 2 });
  const runner = await FuzzRunner.create({ directory, checkInterval: 200, check });
  for (let next = Number(seed); next < Number(seed) + Number(count); next++) {
    process.send?.({ seed: next });
    await runner.run(makeFuzzCase(next));
  }
  await runner.checkLeaks();
  await tell({ ...runner.outcomes, peakMib: Math.ceil(process.resourceUsage().maxRSS / 1024) });
} finally {
  await rm(directory, { recursive: true, force: true });
}
process.disconnect?.();
