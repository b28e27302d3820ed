import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Boxlite, BoxliteError } from '@boxlite/sdk';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { patience } from '../support/patience.js';
import { type TemporaryHome, temporaryHome } from '../support/temporary-home.js';
import { openWithTakenOverVmm } from './host/taken-over-vmm.js';

const EXCHANGE = fileURLToPath(new URL('../support/exchange-names.py', import.meta.url));
/** Starts that race the exchanging process. */
const ROUNDS = 20;
const SECRET = 'secret-of-the-host';

let home: TemporaryHome;
let boxlite: Boxlite;
/** What the VMM does in the next start. */
let script = 'exit 5';
/** A directory that the guest of another box writes, and what it must not lead to. */
let work: string;
const userHome = process.env.HOME;

beforeAll(async () => {
  home = await temporaryHome();
  work = realpathSync(mkdtempSync(join(tmpdir(), 'boxlite-swap-')));
  for (const name of ['me', 'me/private', 'shared', 'shared/sub']) mkdirSync(join(work, name));
  process.env.HOME = join(work, 'me');
  writeFileSync(join(work, 'me/private/file'), SECRET);
  writeFileSync(join(work, 'shared/sub/file'), 'harmless');
  boxlite = await openWithTakenOverVmm(home.home, () => ({ script, boots: false }));
});
afterAll(async () => {
  process.env.HOME = userHome;
  await boxlite.shutdown();
  await home.remove();
  rmSync(work, { recursive: true, force: true });
});

/** Starts a box whose VMM only looks, and says how the start failed, with what the VMM wrote. */
async function startOf(volumes: readonly { hostPath: string; readOnly?: boolean }[]): Promise<BoxliteError> {
  const options = volumes.map((volume, index) => ({ guestPath: `/v${index}`, ...volume }));
  const box = await boxlite.create({ vmm: 'taken-over', memoryMib: 160, volumes: options });
  try {
    await box.start();
  } catch (thrown) {
    if (BoxliteError.isInstance(thrown)) return thrown;
    throw thrown;
  } finally {
    await boxlite.remove(box.id, { force: true });
  }
  throw new Error('a VMM that boots nothing started a box');
}

describe('a volume is what was checked, whatever is put in its place meanwhile', () => {
  it(
    'a directory that another process exchanges for another one, in a loop: the VMM sees what was checked, or the start fails and says why',
    async () => {
      mkdirSync(join(work, 'shared/other'));
      writeFileSync(join(work, 'shared/other/file'), 'exchanged');
      const given = join(work, 'shared/sub');
      const child = spawn('python3', [EXCHANGE, '120', given, join(work, 'shared/other')], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      onTestFinished(() => void child.kill('SIGKILL'));
      await once(child.stdout, 'data');
      script = `/bin/busybox cat ${given}/file >&2; exit 5`;
      const codes = new Map<string, number>();
      for (let round = 0; round < ROUNDS; round += 1) {
        const failure = await startOf([{ hostPath: given }]);
        codes.set(failure.code, (codes.get(failure.code) ?? 0) + 1);
        if (failure.code === 'vmm_failed') continue;
        expect(failure).toMatchObject({
          code: 'config_error',
          message: expect.stringContaining('became another file during the start'),
          hint: expect.stringContaining('start again'),
          details: { field: 'volumes.0.hostPath', path: given },
        });
      }
      process.stderr.write(`exchanged directories: ${JSON.stringify(Object.fromEntries(codes))} of ${ROUNDS} starts\n`);
      // Some starts must have been caught, or nothing has been shown.
      expect(codes.get('config_error') ?? 0).toBeGreaterThan(0);
    },
    patience(180_000),
  );

  it(
    'one that is exchanged for a link to the home is never shown: not by name, not by inode',
    async () => {
      const given = join(work, 'shared/sub');
      symlinkSync(join(work, 'me/private'), join(work, 'shared/link'));
      symlinkSync(join(work, 'me'), join(work, 'shared/home'));
      const child = spawn('python3', [EXCHANGE, '120', given, join(work, 'shared/home')], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      onTestFinished(() => void child.kill('SIGKILL'));
      await once(child.stdout, 'data');
      script = `/bin/busybox cat ${given}/private/file ${work}/me/private/file >&2; exit 5`;
      for (let round = 0; round < ROUNDS; round += 1) {
        const failure = await startOf([{ hostPath: given }]);
        expect(JSON.stringify([failure.message, failure.details])).not.toContain(SECRET);
        expect(['vmm_failed', 'config_error']).toContain(failure.code);
      }
    },
    patience(180_000),
  );

  it('a link that the guest of a box could have planted is not followed', async () => {
    const writer = await boxlite.create({
      memoryMib: 160,
      volumes: [{ hostPath: join(work, 'shared'), guestPath: '/work' }],
    });
    script = 'exit 5';
    expect(await startOf([{ hostPath: join(work, 'shared/link') }])).toMatchObject({
      code: 'config_error',
      message: expect.stringContaining('where the guest of a box may write'),
      details: { field: 'volumes.0.hostPath' },
    });
    await boxlite.remove(writer.id);
    // Nobody's guest writes there any more: the link is the user's.
    expect(await startOf([{ hostPath: join(work, 'shared/link') }])).toMatchObject({ code: 'vmm_failed' });
  });
});

describe('a read-only volume inside a writable one of the same box', () => {
  it('can neither be written nor renamed away, with whatever lies above it, to be found writable at the next start', async () => {
    const inner = join(work, 'outer/a/b/kept');
    mkdirSync(inner, { recursive: true });
    writeFileSync(join(inner, 'file'), 'as it was');
    const outer = join(work, 'outer');
    const inodes = () => ['a', 'a/b', 'a/b/kept', 'a/b/kept/file'].map((name) => statSync(join(outer, name)).ino);
    const before = inodes();
    script = [
      `/bin/busybox sh -c 'echo changed > ${inner}/file'`,
      `/bin/busybox mv ${outer}/a ${outer}/moved`,
      `/bin/busybox mv ${outer}/a/b ${outer}/moved`,
      `/bin/busybox mv ${inner} ${outer}/moved`,
      `/bin/busybox touch ${outer}/written`,
      'exit 5',
    ].join('; ');
    const volumes = [{ hostPath: outer }, { hostPath: inner, readOnly: true }];
    expect(await startOf(volumes)).toMatchObject({ code: 'vmm_failed' });
    expect(readFileSync(join(inner, 'file'), 'utf8')).toBe('as it was');
    // mv(1) makes copies where it cannot rename: those are the box's own. What was protected lies where it lay.
    expect(inodes()).toEqual(before);
    expect(existsSync(join(outer, 'written'))).toBe(true);
  });
});
