import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { runConfined } from '@boxlite/core/testing';
import { collectPaths, createCompositeSandbox, createJailer, pathRules } from '@boxlite/jailer';
import { createBwrapSandbox } from '@boxlite/jailer-bwrap';
import { createLandlockSandbox } from '@boxlite/jailer-landlock';
import { type BoxLayout, createHomeLayout, type HomeLayout } from '@boxlite/layout';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const BUSYBOX = '/bin/busybox';
const NOBODY = 65534;
const HOST_USER = { uid: 2_010_001_777, gid: 2_010_001_777 };
const isRoot = process.geteuid?.() === 0;
const users: [string, number][] = isRoot
  ? [
      ['root, as a host user of its own', 0],
      ['an ordinary user', NOBODY],
    ]
  : [['an ordinary user', process.geteuid?.() ?? 0]];

describe.each(users)('The VMM of a box that goes on from a snapshot, started by %s', (_who, uid) => {
  let base: string;
  let layout: HomeLayout;
  let box: BoxLayout;

  beforeEach(async () => {
    base = mkdtempSync('/var/tmp/boxlite-snapshots-');
    chmodSync(base, 0o711);
    layout = createHomeLayout(join(base, 'home'), { linkRoot: base });
    await layout.prepare();
    box = layout.box('box');
    await box.prepare();
    for (const key of ['mine', 'other']) put(join(layout.templatesDir, key));
    put(join(box.snapshotsDir, 's1'));
    put(join(layout.box('neighbour').snapshotsDir, 's2'));
    own(layout.home);
  });
  afterEach(() => rmSync(base, { recursive: true, force: true }));

  function put(directory: string): void {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    for (const name of ['memory', 'state']) writeFileSync(join(directory, name), name, { mode: 0o600 });
  }

  /** Gives the home to who starts the box. */
  function own(path: string): void {
    if (!isRoot || uid === 0) return;
    chownSync(path, uid, uid);
    if (!statSync(path).isDirectory()) return;
    for (const name of readdirSync(path)) own(join(path, name));
  }

  /** Runs a script of busybox in the jail of that box. */
  async function inJail(memory: string, script: string, beforeStart: () => void = () => undefined) {
    const rules = pathRules(
      await collectPaths({
        ...{ home: layout.home, box, disks: [], diskStore: { chain: async () => [] } },
        ...{ memory, vmmPaths: [{ path: BUSYBOX, writable: false }] },
      }),
    );
    const jail = createJailer({
      id: 'snapshots',
      sandbox: createCompositeSandbox([createBwrapSandbox(), createLandlockSandbox()]),
      ...{ paths: rules.paths, maskedPaths: rules.masked },
      ...(uid === 0 ? { hostUser: HOST_USER } : {}),
      security: { networkEnabled: false },
    });
    await jail.prepare();
    beforeStart();
    try {
      const args = ['sh', '-c', `b() { ${BUSYBOX} "$@"; }\n${script}`];
      const ids = isRoot && uid !== 0 ? { uid, gid: uid } : {};
      return await runConfined(jail.command({ binary: BUSYBOX, args, env: {} }), ids);
    } finally {
      await jail.release();
    }
  }

  const places: [string, () => string][] = [
    ['a template', () => join(layout.templatesDir, 'mine')],
    ['a snapshot of its own', () => join(box.snapshotsDir, 's1')],
    ['a snapshot of another box', () => join(layout.box('neighbour').snapshotsDir, 's2')],
  ];

  it.each(places)('reads the memory of %s', async (_what, place) => {
    const { stdout, stderr } = await inJail(join(place(), 'memory'), `b cat ${join(place(), 'memory')}`);
    expect({ stdout, stderr }).toEqual({ stdout: 'memory', stderr: '' });
  });

  it.each(places)('can change nothing of %s', async (_what, place) => {
    const memory = join(place(), 'memory');
    const before = statSync(memory, { bigint: true });
    const attempts = [
      `echo x > ${memory}`,
      `echo x >> ${memory}`,
      `b dd if=/dev/zero of=${memory} bs=1 count=1 conv=notrunc`,
      `b truncate -s 0 ${memory}`,
      `b chmod 666 ${memory}`,
      `b touch ${memory}`,
      `b rm -f ${memory}`,
      `b mv ${memory} ${memory}.old`,
      `b ln ${memory} ${box.tmpDir}/mine`,
      `echo x > ${dirname(memory)}/new`,
    ];
    const script = attempts.map((attempt, index) => `( ${attempt} ) && echo ${index} worked`).join('\n');
    expect((await inJail(memory, `${script}\necho end`)).stdout).toBe('end\n');
    const { mode, size, ctimeNs, nlink } = statSync(memory, { bigint: true });
    expect([mode, size, ctimeNs, nlink]).toEqual([before.mode, before.size, before.ctimeNs, before.nlink]);
    expect(readFileSync(memory, 'utf8')).toBe('memory');
  });

  it.each(places)('sees of %s neither the state nor its neighbours', async (_what, place) => {
    const memory = join(place(), 'memory');
    const all = places.flatMap(([, directory]) => ['memory', 'state'].map((name) => join(directory(), name)));
    const others = [...all, join(layout.templatesDir, 'other', 'memory')].filter((path) => path !== memory);
    const look = [dirname(memory), layout.templatesDir, layout.tmpDir, box.snapshotsDir].map((path) => `b ls ${path}`);
    const { stdout } = await inJail(memory, [...others.map((path) => `b cat ${path}`), ...look, 'echo end'].join('\n'));
    expect(stdout).toBe('end\n');
  });

  it('is not started when another file has come into the place of the memory', async () => {
    const memory = join(layout.templatesDir, 'mine', 'memory');
    const other = join(layout.templatesDir, 'other', 'memory');
    const { stdout, code, stderr } = await inJail(memory, `b cat ${memory}`, () => renameSync(other, memory));
    expect({ stdout, isEnded: code !== 0 }).toEqual({ stdout: '', isEnded: true });
    expect(stderr).toContain('identity');
  });
});
