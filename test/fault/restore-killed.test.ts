import { chown, mkdtemp, readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { accessibleRepository } from '../support/accessible-repository.js';
import { processesOf, waitUntilGone } from '../support/leftovers.js';
import { patience } from '../support/patience.js';
import { removeHome } from '../support/temporary-home.js';
import { type Breakpoint, type HostUser, hostProcess } from './support/host-process.js';

const MACHINE = { memoryMib: 128, vmm: 'qemu' };
const NOBODY = 65534;
const isRoot = process.getuid?.() === 0;

/** Where a restore is killed, and what the box holds at its next start. */
const moments: readonly [string, Breakpoint, 'later' | 'before', boolean][] = [
  ['before the disk to come is recorded', { call: 'open', path: '/bases/[^/]*\\.qcow2$' }, 'later', false],
  ['once it is recorded', { call: 'rename', path: '/disk\\.qcow2$' }, 'before', true],
  ['once it is in its place', { call: 'open', path: '/disks$' }, 'before', false],
];

describe.each([
  ['this user', undefined],
  ['an ordinary user (needs root to become one)', NOBODY],
])('a box of %s whose host process is killed while it is put back to a snapshot', (_who, uid) => {
  const isSkipped = uid !== undefined && !isRoot;
  let home: string;
  let release = (): void => undefined;
  let user: HostUser | undefined;

  beforeAll(async () => {
    if (isSkipped) return;
    home = await mkdtemp(join(tmpdir(), 'boxlite-restore-'));
    if (uid === undefined) return;
    const repository = accessibleRepository('nobody');
    release = repository.release;
    user = { uid, root: repository.root };
    await chown(home, uid, uid);
  });
  afterAll(async () => {
    if (isSkipped) return;
    release();
    await removeHome(home);
  });

  // What differs between users is whose the disk is, which is put back in one step.
  it.skipIf(isSkipped).each(uid === undefined ? moments : moments.slice(1, 2))(
    'killed %s has one of the two disks, whole; the snapshot is there, and it is put back all the same',
    { timeout: patience(120_000) },
    async (_when, moment, expected, isLookedAtTwice) => {
      const names = async (...path: string[]) => (await readdir(join(home, ...path))).sort();
      await using host = await hostProcess(home, undefined, user);
      const id = await host.call.create(MACHINE);
      const run = (script: string, by = host) => by.call.run(id, 'sh', ['-c', script]).then(({ stdout }) => stdout);
      await host.call.start(id);
      await run('echo before > /kept; echo memory > /dev/shm/kept; sync');
      await host.call.snapshot(id, 'kept');
      await run('echo later > /kept; sync');
      await host.call.stop(id);
      const bases = await names('bases');
      await host.call.break(moment);
      const restoring = host.call.restore(id, 'kept').then(
        () => 'done',
        (error: Error) => error.message,
      );
      expect(await Promise.race([host.frozen().then(() => 'frozen'), restoring])).toBe('frozen');
      await host.kill();
      expect(await restoring).toBe('the host process has ended');

      await using next = await hostProcess(home, undefined, user);
      expect(await waitUntilGone(() => processesOf(home).filter((pid) => pid !== next.pid))).toEqual([]);
      expect((await names('tmp')).filter((name) => /^\d+-\d+-/.test(name))).toEqual([]);
      expect([await names('bases'), (await next.call.snapshots(id)).map(({ name }) => name)]).toEqual([
        bases,
        ['kept'],
      ]);
      expect(await run('cat /kept', next)).toBe(`${expected}\n`);
      // The disk is not put back once more by a later start.
      expect((await next.call.info(id)).startedFrom).toBe('cold');
      await run('echo written > /own; sync', next);
      await next.call.stop(id);
      if (isLookedAtTwice) {
        expect(await run('cat /own', next)).toBe('written\n');
        await next.call.stop(id);
      }
      await next.call.restore(id, 'kept');
      expect(await run('cat /kept /dev/shm/kept; ls /own 2> /dev/null', next)).toBe('before\nmemory\n');
      await next.call.remove(id, { force: true });
      expect((await names('bases')).filter((name) => !name.endsWith('.ext4'))).toEqual([]);
      await next.call.shutdown();
    },
  );
});
