import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { type Box, Boxlite } from '@boxlite/sdk';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { patience } from '../support/patience.js';
import { runCli, spawnCli } from '../support/run-cli.js';
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

  it(
    'outlives its parent, keeps its disk over a cold start, and gives back what it stood on',
    async () => {
      const source = await boxlite.create({ name: 'source', memoryMib: 128 });
      await text(source, 'echo shared > /root/file');
      const [child] = await source.fork(1, { name: 'survivor' });
      if (child === undefined) throw new Error('no child');
      await boxlite.remove('source', { force: true });
      await text(child, 'echo own > /root/own; sync');
      const { kinds } = await boxlite.system.df();
      expect(kinds.find(({ kind }) => kind === 'snapshots')?.entries).toMatchObject([{ usedBy: ['survivor'] }]);
      await child.stop();
      expect(await text(child, 'cat /root/file /root/own')).toBe('shared\nown');
      // A fork of a fork stands on two bases.
      const [grandchild] = await child.fork(1);
      if (grandchild === undefined) throw new Error('no grandchild');
      await boxlite.remove(child.id, { force: true });
      expect(await text(grandchild, 'cat /root/file /root/own')).toBe('shared\nown');
      await boxlite.remove(grandchild.id, { force: true });
      expect(readdirSync(join(home.home, 'bases')).filter((name) => name.endsWith('.qcow2'))).toEqual([]);
    },
    patience(150_000),
  );

  it(
    'is to be had from another process, by the command line, and runs on without it',
    async () => {
      const cli = (...args: string[]) => runCli(args, { home: home.home });
      const forked = await cli('fork', 'parent', '-n', '2', '--name', 'worker', '--json');
      expect(forked.stderr).toBe('');
      const children = JSON.parse(forked.stdout.toString());
      expect(children).toMatchObject([
        { name: 'worker-1', status: 'running', detached: true, startedFrom: 'fork', parent: { boxId: parent.id } },
        { name: 'worker-2', status: 'running', detached: true, startedFrom: 'fork', parent: { boxId: parent.id } },
      ]);
      expect((await cli('exec', 'worker-2', 'cat', '/root/before')).stdout.toString()).toBe('before\n');
      expect((await cli('snapshot', 'create', 'worker-1', 'one')).stdout.toString()).toBe('one\n');
      expect((await cli('snapshot', 'ls', 'worker-1')).stdout.toString()).toMatch(/^one +yes .* (ago|just now)$/m);
      expect((await cli('snapshot', 'ls', '--verify', 'worker-1')).stdout.toString()).toMatch(/^one +yes .* ready$/m);
      expect((await cli('restore', 'worker-1', 'one')).stderr).toContain('stop it first');
      expect((await cli('stop', 'worker-1')).status).toBe(0);
      expect(await cli('restore', 'worker-1', 'one')).toMatchObject({ status: 0, stderr: '' });
      expect((await cli('exec', 'worker-1', 'cat', '/root/before')).stdout.toString()).toBe('before\n');
      expect((await cli('snapshot', 'rm', 'worker-1', 'one')).status).toBe(0);
      expect((await cli('fork', 'nobody')).status).toBe(1);
      expect((await cli('rm', '-f', 'worker-1', 'worker-2')).status).toBe(0);
    },
    patience(180_000),
  );
});

describe.skipIf(!isQemu)('a fork whose process is killed', () => {
  it(
    'leaves no box, no disk and no process after the next open',
    async () => {
      const home = await temporaryHome();
      const boxlite = await Boxlite.open({ homeDir: home.home });
      const box = await boxlite.create({ name: 'parent', memoryMib: 128 });
      await box.start();
      const child = spawnCli(['fork', 'parent', '-n', '8'], { home: home.home });
      // As soon as one of the children is there.
      await expect
        .poll(async () => (await boxlite.list()).length, { timeout: patience(30_000), interval: 5 })
        .toBeGreaterThan(1);
      child.kill('SIGKILL');
      await once(child, 'close');
      const next = await Boxlite.open({ homeDir: home.home });
      await next.shutdown();
      const last = await Boxlite.open({ homeDir: home.home });
      const names = (await last.list()).map(({ name, pooled }) => [name, pooled]);
      expect(names).toEqual([['parent', false]]);
      await last.shutdown();
      expect(await text(box, 'echo goes on')).toBe('goes on');
      await boxlite.remove('parent', { force: true });
      expect(readdirSync(join(home.home, 'bases')).filter((name) => name.endsWith('.qcow2'))).toEqual([]);
      await boxlite.shutdown();
      await home.end();
    },
    patience(120_000),
  );

  it(
    'that is shut down in the middle removes what it has made',
    async () => {
      const home = await temporaryHome();
      const boxlite = await Boxlite.open({ homeDir: home.home });
      const box = await boxlite.create({ name: 'parent', memoryMib: 128 });
      await box.start();
      const forking = box.fork(8).then(
        () => 'done',
        (thrown: unknown) => (thrown as { code?: string }).code,
      );
      await expect
        .poll(async () => (await boxlite.list()).length, { timeout: patience(30_000), interval: 5 })
        .toBeGreaterThan(1);
      await boxlite.shutdown();
      expect(await forking).not.toBe('done');
      const next = await Boxlite.open({ homeDir: home.home });
      expect((await next.list()).map(({ name }) => name)).toEqual(['parent']);
      await next.remove('parent');
      await next.shutdown();
      await home.end();
    },
    patience(120_000),
  );
});
