import { existsSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Box, Boxlite } from '@boxlite/sdk';
import { Boxlite as OtherProcess } from '@boxlite/sdk';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { patience } from '../support/patience.js';
import { type TemporaryHome, temporaryHome } from '../support/temporary-home.js';
import { buildAtWork } from './host/build-at-work.js';
import { openWithTakenOverVmm } from './host/taken-over-vmm.js';

/** Everything a host process of BoxLite dials or listens on, in control/ or in sockets/. */
const NAMES = ['box.sock', 'ready.sock', 'net.sock', 'net.sock-krun.sock', 'api.sock', 'qmp.sock'];

const atWork = buildAtWork();
let home: TemporaryHome;
let boxlite: Boxlite;
let box: Box;
let script = 'true';
/** Of the host: named by links the VMM plants. */
let precious: string;

const place = (name: string) => join(home.home, 'boxes', box.id, name);
const said = async (command: string) =>
  Buffer.from((await box.run('sh', ['-c', command])).stdout)
    .toString()
    .trim();

beforeAll(async () => {
  home = await temporaryHome();
  precious = mkdtempSync(join(tmpdir(), 'boxlite-precious-'));
  for (let index = 0; index < 8; index += 1) writeFileSync(join(precious, `file${index}`), 'kept');
  mkdirSync(join(precious, 'directory'), { mode: 0o500 });
  boxlite = await openWithTakenOverVmm(home.home, () => ({ script, programs: [atWork.program] }));
  box = await boxlite.create({ vmm: 'taken-over', memoryMib: 160 });
});
afterAll(async () => {
  await boxlite.shutdown();
  await home.remove();
  rmSync(precious, { recursive: true, force: true });
  atWork.remove();
});

function expectPreciousUntouched(): void {
  expect(readdirSync(precious)).toHaveLength(9);
  expect(statSync(join(precious, 'directory')).mode & 0o777).toBe(0o500);
}

describe('a VMM that was taken over', () => {
  it(
    'replaces every socket host processes dial, and none of them comes to it; the box is reached as before, and starts again',
    async () => {
      const sockets = NAMES.map((name) => join('$s', name)).join(' ');
      // Once the agent is accepted the supervisor takes its socket away; before that the box would only keep itself from starting.
      script = `s=${place('sockets')}; while [ -e $s/box.sock ]; do /bin/busybox usleep 2000; done; exec ${atWork.program} listen ${sockets}`;
      await box.start();
      await vi.waitUntil(() => NAMES.every((name) => existsSync(place(`sockets/${name}`))), { timeout: 20_000 });
      expect(await said('echo first')).toBe('first');

      await using other = await OtherProcess.open({ homeDir: home.home });
      const theirs = await other.get(box.id);
      expect((await theirs?.run('true'))?.exitCode).toBe(0);
      expect(await theirs?.info()).toMatchObject({ status: 'running' });
      await boxlite.system.df();
      expect(lstatSync(place('control/api.sock')).isSocket()).toBe(true);

      await theirs?.stop();
      expect(readdirSync(place('sockets')).filter((name) => name.endsWith('.dialled'))).toEqual([]);

      script = 'true';
      await box.start();
      expect(await said('echo again')).toBe('again');
      await box.stop();
    },
    patience(180_000),
  );

  it(
    'swaps and plants links, pipes and closed directories in a loop while the host measures, stops, starts and removes the box: nothing outside is touched',
    async () => {
      script = [
        `b=${place('')}; s=$b/shared; t=$b/tmp; c=$b/sockets`,
        // uservol0 is what the host removes itself at each start and stop.
        `for d in $s $t $c; do /bin/busybox mkdir -p $d/real/a/b/c $d/uservol0/x; /bin/busybox ln -s ${precious} $d/link; done`,
        `for d in $s $t $c; do for i in 0 1 2 3 4 5 6 7; do echo > $d/real/file$i; echo > $d/uservol0/file$i; done; done`,
        `/bin/busybox ln ${precious}/file0 $s/hard`,
        `/bin/busybox mkdir $c/box.sock`,
        `for d in $s $t $c; do /bin/busybox mkdir $d/busy; ${atWork.program} fill $d/busy & ${atWork.program} exchange $d/real $d/link $d/uservol0 $d/link & done`,
        'wait',
      ].join('\n');
      await box.start();
      await vi.waitUntil(() => existsSync(place('shared/busy')), { timeout: 20_000 });
      for (let round = 0; round < 20; round += 1) {
        await boxlite.system.df();
        expect((await box.info()).status).toBe('running');
      }
      expect(existsSync(place('shared/hard'))).toBe(false);
      await box.stop();
      expectPreciousUntouched();

      script = 'true';
      await box.start();
      expect(await said('echo well')).toBe('well');
      expect(readdirSync(place('tmp'))).toEqual([]);
      await boxlite.remove(box.id, { force: true });
      expect(existsSync(place(''))).toBe(false);
      expectPreciousUntouched();
    },
    patience(240_000),
  );
});
