import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type Box, Boxlite } from '@boxlite/sdk';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { patience } from '../support/patience.js';
import { runCli } from '../support/run-cli.js';
import { temporaryHome } from '../support/temporary-home.js';
import { vmmUnderTest } from '../support/vmm-under-test.js';

const isQemu = (await vmmUnderTest()) === 'qemu';

/** Writes a number that goes up, in memory only. */
const COUNTER = 'i=0; while :; do i=$((i+1)); echo $i > /tmp/count.new; mv /tmp/count.new /tmp/count; sleep 0.05; done';

async function text(box: Box, script: string): Promise<string> {
  const { stdout, stderr } = await box.run('sh', ['-c', script]);
  return Buffer.concat([stdout, stderr]).toString().trim();
}
const count = async (box: Box) => Number(await text(box, 'cat /tmp/count'));

describe.skipIf(!isQemu)('a snapshot of a running box', () => {
  let home: Awaited<ReturnType<typeof temporaryHome>>;
  let boxlite: Boxlite;
  let box: Box;
  const restored: unknown[] = [];

  beforeAll(async () => {
    home = await temporaryHome();
    boxlite = await Boxlite.open({
      homeDir: home.home,
      hooks: {
        onBeforeSnapshot: async (about) => {
          await about.run('sh', ['-c', 'echo taken > /root/hook']);
        },
        onAfterRestore: (info, about) => {
          restored.push({ name: info.name, ...about });
          return { env: { TOKEN: `for ${info.name}` } };
        },
      },
    });
    box = await boxlite.create({ name: 'web', memoryMib: 128, env: { TOKEN: 'first', KEPT: 'yes' } });
    await text(box, `echo before > /root/file; (${COUNTER}) >/dev/null 2>&1 &`);
  }, patience(60_000));

  afterAll(async () => {
    await boxlite.shutdown();
    await home.remove();
  });

  it(
    'is kept for its owner alone, listed, and counted by the disk usage of the home',
    async () => {
      await expect.poll(() => count(box), { timeout: patience(20_000) }).toBeGreaterThan(5);
      const info = await box.snapshot({ name: 'ready' });
      expect(await box.snapshots()).toEqual([info]);
      const dir = join((await box.info()).directory, 'snapshots', info.id);
      for (const name of ['memory', 'state']) expect(statSync(join(dir, name)).mode & 0o777).toBe(0o600);
      // Memory nobody has used is not there.
      expect(statSync(join(dir, 'memory')).blocks * 512).toBeLessThan(110 * 1024 * 1024);
      const usage = (await boxlite.system.df()).kinds.find(({ kind }) => kind === 'snapshots');
      expect(usage).toMatchObject({ count: 1, entries: [{ name: 'web:ready', usedBy: ['web'] }] });
      const df = JSON.parse((await runCli(['system', 'df', '--json'], { home: home.home })).stdout.toString());
      expect(df.kinds.find(({ kind }: { kind: string }) => kind === 'snapshots').bytes).toBe(usage?.bytes);
    },
    patience(90_000),
  );

  it(
    'is what another box goes on from: its processes, its files, an environment of its own',
    async () => {
      await text(box, 'echo after > /root/file; sync');
      const child = await boxlite.restore({ box: 'web', snapshot: 'ready' }, { name: 'copy' });
      expect(await text(child, 'cat /root/file /root/hook; hostname; echo $TOKEN $KEPT')).toBe(
        'before\ntaken\ncopy\nfor copy yes',
      );
      expect(restored.at(-1)).toMatchObject({ name: 'copy', reason: 'restore', parent: box.id, snapshot: 'ready' });
      const value = await count(child);
      await expect.poll(() => count(child), { timeout: patience(20_000) }).toBeGreaterThan(value);
      expect(await text(box, 'cat /root/file')).toBe('after');
      // Clocks are right although the guest slept.
      expect(Math.abs(Number(await text(child, 'date +%s')) - Date.now() / 1000)).toBeLessThan(5);
      // Cold, from its own disk.
      await text(child, 'echo mine > /root/own; sync');
      await child.stop();
      expect(await text(child, 'cat /root/file /root/own')).toBe('before\nmine');
      expect(await child.info()).toMatchObject({
        startedFrom: expect.not.stringMatching('snapshot'),
        parent: { snapshot: 'ready' },
      });
    },
    patience(120_000),
  );

  it(
    'is what the box itself is put back to, by a process of its own',
    async () => {
      await expect(box.restore('ready')).rejects.toMatchObject({ code: 'invalid_state' });
      await box.stop();
      await box.restore('ready');
      expect(await text(box, 'cat /root/file')).toBe('before');
      const value = await count(box);
      await expect.poll(() => count(box), { timeout: patience(20_000) }).toBeGreaterThan(value);
      await box.stop();
      expect(await text(box, 'cat /root/file')).toBe('before');
    },
    patience(120_000),
  );

  it(
    'goes with its box; what a child stands on stays until that goes, too',
    async () => {
      await boxlite.remove('web', { force: true });
      const bases = () => readdirSync(join(home.home, 'bases')).filter((name) => name.endsWith('.qcow2'));
      expect(bases()).toHaveLength(1);
      const child = await boxlite.get('copy');
      if (child === null) throw new Error('no child');
      expect(await text(child, 'cat /root/file')).toBe('before');
      await boxlite.remove('copy', { force: true });
      expect(bases()).toEqual([]);
      expect(existsSync(join(home.home, 'boxes', box.id))).toBe(false);
    },
    patience(90_000),
  );
});
