import { chown, mkdtemp, readdir, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { accessibleRepository } from '../support/accessible-repository.js';
import { expectNothingLeft } from '../support/leftovers.js';
import { patience } from '../support/patience.js';
import { runCli } from '../support/run-cli.js';
import { removeHome } from '../support/temporary-home.js';
import { vmmUnderTest } from '../support/vmm-under-test.js';

const NOBODY = 65534;
const isQemu = (await vmmUnderTest()) === 'qemu';

describe.skipIf(process.getuid?.() !== 0 || !isQemu)('an ordinary user (needs root to become one)', () => {
  let repository: ReturnType<typeof accessibleRepository>;
  let home: string;

  beforeAll(async () => {
    repository = accessibleRepository('nobody');
    home = await mkdtemp(join(tmpdir(), 'boxlite-user-'));
    await chown(home, NOBODY, NOBODY);
  });

  afterAll(async () => {
    repository.release();
    await expectNothingLeft(home).finally(() => removeHome(home));
  });

  async function output(...args: string[]): Promise<string> {
    const { status, stdout, stderr } = await runCli(args, { home, user: 'nobody', root: repository.root });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    return stdout.toString();
  }

  it(
    'forks a box, keeps it with its memory, puts it back, and pauses it',
    async () => {
      await output('run', '-d', '--name', 'mine', '--memory', '128m', '--', 'sleep', '4321');
      await output('exec', 'mine', 'sh', '-c', 'echo before > /root/file');
      await output('fork', 'mine', '-n', '2');
      expect(await output('exec', 'mine-2', 'sh', '-c', 'cat /root/file; hostname; pidof sleep')).toMatch(
        /^before\nmine-2\n\d+\n$/,
      );
      await output('snapshot', 'create', 'mine', 'ready');
      const [id = ''] = (await output('inspect', 'mine')).match(/(?<="id": ")[^"]+/) ?? [];
      const [snapshot = ''] = await readdir(join(home, 'boxes', id, 'snapshots'));
      const memory = await stat(join(home, 'boxes', id, 'snapshots', snapshot, 'memory'));
      expect([memory.mode & 0o777, memory.uid]).toEqual([0o600, NOBODY]);
      await output('exec', 'mine', 'sh', '-c', 'echo after > /root/file');
      await output('stop', 'mine');
      await output('restore', 'mine', 'ready');
      expect(await output('exec', 'mine', 'cat', '/root/file')).toBe('before\n');
      await output('pause', 'mine');
      expect(await output('ls')).toMatch(/mine +paused/);
      expect(await output('exec', 'mine', 'echo', 'awake')).toBe('awake\n');
      await output('rm', '-f', 'mine', 'mine-1', 'mine-2');
    },
    patience(240_000),
  );
});
