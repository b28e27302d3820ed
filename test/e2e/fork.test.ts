import { type Box, Boxlite } from '@boxlite/sdk';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { patience } from '../support/patience.js';
import { temporaryHome } from '../support/temporary-home.js';
import { vmmUnderTest } from '../support/vmm-under-test.js';

const isQemu = (await vmmUnderTest()) === 'qemu';

/** Counts in memory alone, and says on request what it has come to: a file that was there before it is asked is old. */
const COUNTER = `i=0; trap 'echo $i > /tmp/count' USR1; while :; do i=$((i+1)); sleep 0.05; done`;

async function text(box: Box, script: string): Promise<string> {
  const { stdout } = await box.run('sh', ['-c', script]);
  return Buffer.from(stdout).toString().trim();
}

/** What the counter of a box has come to. */
const count = async (box: Box) =>
  Number(
    await text(
      box,
      'rm -f /tmp/count; kill -USR1 $(cat /tmp/pid); while [ ! -s /tmp/count ]; do sleep 0.02; done; cat /tmp/count',
    ),
  );

describe.skipIf(!isQemu)('a fork of a running box', () => {
  let home: Awaited<ReturnType<typeof temporaryHome>>;
  let boxlite: Boxlite;
  let parent: Box;

  beforeAll(async () => {
    home = await temporaryHome();
    boxlite = await Boxlite.open({ homeDir: home.home });
    parent = await boxlite.create({ name: 'parent', memoryMib: 128, env: { FROM: 'options' } });
    await text(parent, `(${COUNTER}) >/dev/null 2>&1 & echo $! > /tmp/pid; echo before > /root/before`);
  }, patience(60_000));

  afterAll(async () => {
    await boxlite.shutdown();
    await home.remove();
  });

  it(
    'goes on from the same value in each child, which then diverge; files of before are in all, files of after in one',
    async () => {
      await expect.poll(() => count(parent), { timeout: patience(20_000) }).toBeGreaterThan(10);
      const before = await count(parent);
      const children = await parent.fork(3);
      const counts = await Promise.all(children.map(count));
      for (const value of counts) expect(value).toBeGreaterThanOrEqual(before);
      expect(await count(parent)).toBeGreaterThan(before);
      expect(await Promise.all(children.map((child) => text(child, 'cat /root/before; hostname')))).toEqual([
        'before\nparent-1',
        'before\nparent-2',
        'before\nparent-3',
      ]);
      const [first, second] = children;
      if (first === undefined || second === undefined) throw new Error('no children');
      await text(first, 'echo after > /root/after; sync');
      expect(await text(first, 'cat /root/after')).toBe('after');
      for (const other of [parent, second]) expect(await text(other, 'ls /root')).toBe('before');
      const ids = await Promise.all(
        [parent, ...children].map((box) =>
          text(box, 'cat /proc/sys/kernel/random/boot_id; head -c 16 /dev/urandom | md5sum'),
        ),
      );
      expect(new Set(ids).size).toBe(4);
      for (const child of children) await boxlite.remove(child.id, { force: true });
    },
    patience(120_000),
  );
});
