import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Boxlite } from '@boxlite/sdk';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { patience } from '../support/patience.js';
import { type TemporaryHome, temporaryHome } from '../support/temporary-home.js';
import { openWithTakenOverVmm } from './host/taken-over-vmm.js';

/** Nobody else has this on a command line; what is left of a box is found by it. */
const MARK = `hold-${process.pid}-${Date.now()}`;
/** Processes in sessions of their own, orphaned, deaf to every signal that can be ignored, and stopped. */
const HOLD = [
  'trap "" HUP INT TERM QUIT USR1 PIPE',
  `/bin/busybox setsid /bin/busybox sh -c 'trap "" TERM HUP INT; (while :; do /bin/busybox sleep 1000; done) & exit 0' ${MARK}-orphan &`,
  `/bin/busybox setsid /bin/busybox sh -c 'trap "" TERM; while :; do /bin/busybox sleep 1000; done' ${MARK}-deaf &`,
  `/bin/busybox setsid /bin/busybox sh -c 'kill -STOP $$' ${MARK}-stopped &`,
  'while :; do /bin/busybox sleep 1000; done',
].join('\n');

let home: TemporaryHome;
let boxlite: Boxlite;

beforeAll(async () => {
  home = await temporaryHome();
  boxlite = await openWithTakenOverVmm(home.home, () => ({ script: HOLD }));
});
afterAll(async () => {
  await boxlite.shutdown();
  await home.remove();
});

/** Processes of this test's boxes that still exist, whatever state they are in. */
function held(): string[] {
  return readdirSync('/proc').flatMap((pid) => {
    if (!/^\d+$/.test(pid)) return [];
    try {
      const words = readFileSync(join('/proc', pid, 'cmdline'), 'latin1').split('\0');
      return words.some((word) => word.startsWith(MARK)) ? [`${pid} ${words.at(-2)}`] : [];
    } catch {
      return []; // It ended meanwhile.
    }
  });
}

const JAILS = [
  ['in the jail', {}],
  ['with the jail off, as asked for', { jailer: 'off' }],
] as const;

describe.each(JAILS)('a VMM that was taken over and leaves processes behind, %s', (_name, security) => {
  const started = async () => {
    const box = await boxlite.create({ vmm: 'taken-over', memoryMib: 160, security });
    await box.start();
    await vi.waitUntil(() => held().length >= 3, { timeout: 20_000 });
    return box;
  };

  it(
    'cannot hold the box alive after stop: no process of it remains',
    async () => {
      const box = await started();
      await box.stop();
      expect(held()).toEqual([]);
      expect(await box.info()).toMatchObject({ status: 'stopped' });
      await boxlite.remove(box.id);
    },
    patience(120_000),
  );

  it(
    'nor after it was removed by force',
    async () => {
      const box = await started();
      await boxlite.remove(box.id, { force: true });
      expect(held()).toEqual([]);
    },
    patience(120_000),
  );

  // With the jail off there is no process namespace: nobody is left to end what ran away from a supervisor that was killed.
  it.runIf(!('jailer' in security))(
    'nor after its supervisor was killed',
    async () => {
      const box = await started();
      const record = readFileSync(join(home.home, 'boxes', box.id, 'shim.pid'), 'utf8');
      process.kill(Number(/^supervisor (\d+)/m.exec(record)?.[1]), 'SIGKILL');
      await vi.waitUntil(() => held().length === 0, { timeout: 10_000 });
      await boxlite.remove(box.id, { force: true });
    },
    patience(120_000),
  );
});
