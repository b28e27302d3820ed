import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { busyboxImage } from '../support/oci-fixtures.js';
import { runCli } from '../support/run-cli.js';
import { type TemporaryHome, temporaryHome } from '../support/temporary-home.js';

let home: TemporaryHome;
let image: string;
beforeAll(async () => {
  home = await temporaryHome();
  image = busyboxImage(join(home.home, 'image')).reference;
});
afterAll(() => home.end());

const cli = (...args: string[]) => runCli(args, { home: home.home });
const output = async (...args: string[]) => {
  const { status, stdout, stderr } = await cli(...args);
  expect({ status, stderr }, args.join(' ')).toEqual({ status: 0, stderr: '' });
  return stdout.toString();
};
const json = async (...args: string[]) => JSON.parse(await output(...args));

describe('a home that is pruned of everything', () => {
  it('never loses what a box in another process is starting from', { timeout: 240_000 }, async () => {
    let over = false;
    const pruning = (async () => {
      const statuses: (number | null)[] = [];
      while (!over) statuses.push((await cli('system', 'prune', '-af')).status);
      return statuses;
    })();
    try {
      for (const word of ['first', 'second']) {
        const { status, stdout, stderr } = await cli('run', '--rm', image, 'echo', word);
        expect({ status, stderr, said: stdout.toString() }).toEqual({ status: 0, stderr: '', said: `${word}\n` });
      }
    } finally {
      over = true;
    }
    expect(new Set(await pruning)).toEqual(new Set([0]));
  });

  it('keeps what boxes stand on, running or stopped, and frees it when they are gone', {
    timeout: 240_000,
  }, async () => {
    await output('run', '-d', '--name', 'work', image, 'sleep', '1000');
    await output('exec', 'work', 'sh', '-c', 'echo kept > /work/file');
    expect(await json('system', 'prune', '-af', '--json')).toMatchObject({ images: [], imageDisks: { count: 0 } });
    const { kinds } = await json('system', 'df', '--json');
    const of = (kind: string) => kinds.find((one: { kind: string }) => one.kind === kind);
    expect(of('boxes')).toMatchObject({ count: 1, active: 1 });
    expect(of('image-disks')).toMatchObject({ active: 1, reclaimableBytes: 0, entries: [{ usedBy: ['work'] }] });
    expect(of('guest-rootfs')).toMatchObject({ count: 1, active: 1 });
    expect(of('kernels')).toMatchObject({ count: 1, active: 1 });

    await output('stop', 'work');
    expect(await json('system', 'prune', '-af', '--json')).toMatchObject({ images: [], imageDisks: { count: 0 } });
    expect(await output('exec', 'work', 'cat', '/work/file')).toBe('kept\n');
    await output('rm', '-f', 'work');
    const freed = await json('system', 'prune', '-af', '--json');
    expect(freed).toMatchObject({ images: [image], imageDisks: { count: 1 } });
    expect(freed.freedBytes).toBeGreaterThan(500_000);
    expect(await output('run', '--rm', '--pull', 'missing', image, 'echo', 'again')).toBe('again\n');
  });
});
