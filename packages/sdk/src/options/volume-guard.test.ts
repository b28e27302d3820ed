import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { volumeGuard } from './volume-guard.js';

const isRoot = process.getuid?.() === 0 && process.platform === 'linux';
let base: string;

beforeEach(() => {
  base = realpathSync(mkdtempSync(join(tmpdir(), 'boxlite-guard-')));
});
afterEach(() => {
  for (const point of mounted.splice(0).reverse()) execFileSync('umount', ['-l', point]);
  rmSync(base, { recursive: true, force: true });
});

const mounted: string[] = [];
function bind(source: string, point: string): void {
  execFileSync('mount', ['--bind', source, point]);
  mounted.push(point);
}

const guard = (home: string, boxes: string, mountinfo?: string) =>
  volumeGuard({
    ...{ userHome: join(base, home), boxliteHome: join(base, boxes), linkParent: join(base, 'tmp/bl-7') },
    ...(mountinfo === undefined ? {} : { mountinfo }),
  });
const HOMES = expect.stringContaining('your home or the BoxLite home');

describe('volumes that are, or contain, /, the home or the BoxLite home are refused', () => {
  it('and so is what lies in the BoxLite home', async () => {
    for (const name of ['me', 'me/project', 'boxes', 'boxes/db']) mkdirSync(join(base, name));
    const refusal = await guard('me', 'boxes');
    for (const path of ['/', base, join(base, 'me'), join(base, 'boxes'), join(base, 'boxes/db')]) {
      expect(refusal(path), path).toEqual(HOMES);
    }
    expect(refusal(join(base, 'me/project'))).toBeUndefined();
    expect(refusal(join(base, 'boxes2'))).toBeUndefined();
  });

  it('also where the homes are symbolic links', async () => {
    for (const name of ['disk', 'disk/me', 'disk/boxes']) mkdirSync(join(base, name));
    for (const name of ['me', 'boxes']) symlinkSync(join(base, 'disk', name), join(base, name));
    const refusal = await guard('me', 'boxes');
    for (const name of ['disk/me', 'disk/boxes', 'disk/boxes/box1', 'disk']) {
      expect(refusal(join(base, name)), name).toEqual(HOMES);
    }
  });

  it('also where the homes do not exist', async () => {
    const refusal = await volumeGuard({
      userHome: '/nonexistent/me',
      boxliteHome: join(base, 'boxes'),
      linkParent: join(base, 'links'),
    });
    expect(refusal('/nonexistent')).toEqual(HOMES);
    expect(refusal(base)).toEqual(HOMES);
  });

  it.runIf(isRoot)(
    'also under another name, by a bind mount of them, of what contains them, or below the volume',
    async () => {
      for (const name of [
        'all',
        'all/me',
        'all/me/project',
        'all/boxes',
        'all/boxes/boxes',
        'mnt',
        'outer',
        'outer/inner',
      ]) {
        mkdirSync(join(base, name));
      }
      const refusalWith = (source: string, point: string) => {
        bind(source, point);
        return guard('all/me', 'all/boxes');
      };
      for (const shown of ['all', 'all/me', 'all/boxes', 'all/boxes/boxes']) {
        const refusal = await refusalWith(join(base, shown), join(base, 'mnt'));
        expect(refusal(join(base, 'mnt')), shown).toEqual(HOMES);
      }
      const refusal = await refusalWith(join(base, 'all/boxes/boxes'), join(base, 'outer/inner'));
      expect(refusal(join(base, 'outer'))).toEqual(HOMES);
      const harmless = await refusalWith(join(base, 'all/me/project'), join(base, 'mnt'));
      expect(harmless(join(base, 'mnt'))).toBeUndefined();
    },
  );

  it('also under a name that differs in case, where the file system ignores it: inodes are compared', async () => {
    for (const name of ['me', 'boxes', 'boxes/in']) mkdirSync(join(base, name));
    // A file system without case is not to be had everywhere; a link that is not resolved is the same inode under another name, too.
    symlinkSync(join(base, 'me'), join(base, 'ME'));
    symlinkSync(join(base, 'boxes'), join(base, 'BOXES'));
    const refusal = await guard('me', 'boxes');
    for (const name of ['ME', 'BOXES', 'BOXES/in']) expect(refusal(join(base, name)), name).toEqual(HOMES);
  });
});

describe('volumes in which the links to the sockets of boxes lie', () => {
  it('are refused, and what lies in those: who writes there decides where a supervisor listens', async () => {
    for (const name of ['me', 'boxes', 'tmp', 'tmp/bl-7', 'tmp/work']) mkdirSync(join(base, name));
    symlinkSync('/nowhere', join(base, 'tmp/bl-7/box.control'));
    const refusal = await guard('me', 'boxes');
    for (const path of ['tmp', 'tmp/bl-7', 'tmp/bl-7/box.control']) {
      expect(refusal(join(base, path)), path).toContain('links to the sockets of your boxes');
    }
    expect(refusal(join(base, 'tmp/work'))).toBeUndefined();
  });
});

describe('volumes of the machine itself', () => {
  it.runIf(process.platform === 'linux')(
    'are refused: nothing of /proc, /sys, /dev and /run belongs in a box',
    async () => {
      const refusal = await guard('me', 'boxes');
      for (const path of [
        '/proc',
        '/proc/sys',
        '/sys',
        '/sys/fs/cgroup',
        '/dev',
        '/dev/pts',
        '/run',
        '/run/user/1000',
      ]) {
        expect(refusal(path), path).toBeTypeOf('string');
      }
      expect(refusal('/run/media/me/disk')).toBeUndefined();
      expect(refusal('/dev/shm/work')).toBeUndefined();
      expect(refusal('/running')).toBeUndefined();
    },
  );

  it('are refused under other names, too, also when they are only mounted below the volume', async () => {
    // Told instead of mounted: whoever cleans up after a test must not meet the real ones.
    const table = `27 1 254:0 / / rw - ext4 /dev/vda rw
22 27 0:21 / /proc rw - proc proc rw
30 27 0:21 / ${base}/chroot/proc rw - proc proc rw
31 27 254:0 / ${base}/root rw - ext4 /dev/vda rw
`;
    const refusal = await guard('me', 'boxes', table);
    expect(refusal(join(base, 'chroot'))).toContain('proc');
    expect(refusal(join(base, 'chroot/proc/sys'))).toContain('proc');
    expect(refusal(join(base, 'root'))).toEqual(HOMES);
    expect(refusal(join(base, 'other'))).toBeUndefined();
  });
});
