import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import {
  BoxliteError,
  type DiskLayer,
  parseBaseDiskId,
  type Sandbox,
  type SandboxContext,
  type VmmHandler,
  type VmmSnapshot,
  type VmmSpec,
} from '@boxlite/core';
import { createHomeLayout, type HomeLayout } from '@boxlite/layout';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseBoxOptions } from '../options/box-options.js';
import { buildJail } from './build-jail.js';
import type { JailRequest } from './runtime-services.js';

const SOME_FILE = { device: '7', inode: '8' };
/** Static, so that its closure is itself. */
const PROGRAM = '/bin/busybox';
let base: string;
let layout: HomeLayout;

beforeEach(async () => {
  base = mkdtempSync(join(tmpdir(), 'boxlite-jail-'));
  layout = createHomeLayout(join(base, 'home'), { linkRoot: base });
  await layout.prepare();
});
afterEach(() => rmSync(base, { recursive: true, force: true }));

const vmm = {
  id: 'fake',
  requirements: async () => ({ paths: [], devices: [] }),
  command: () => ({ binary: PROGRAM, args: [], env: {}, listeners: [] }),
  memoryOverheadMib: () => 40,
} as unknown as VmmHandler;

async function request(parts: {
  security?: object;
  volume?: string;
  user?: string;
  from?: VmmSnapshot;
}): Promise<JailRequest> {
  const box = layout.box('box');
  await box.prepare();
  const spec: VmmSpec = {
    boxId: 'box',
    vcpus: 1,
    memoryMib: 128,
    kernel: join(layout.kernelsDir, 'kernel'),
    commandLine: [],
    disks: [{ path: box.containerDisk, format: 'qcow2', readOnly: false }],
    shares: [],
    nics: [],
    agentSocket: box.agentSocket,
    ...(parts.from === undefined ? {} : { from: parts.from }),
  };
  const { volume } = parts;
  const volumes =
    volume === undefined
      ? []
      : [
          {
            ...{ tag: 'uservol0', kind: 'directory' as const, hostPath: volume, guestPath: '/v' },
            ...{ readOnly: false, ownerUid: 0, ownerGid: 0, identity: SOME_FILE },
          },
        ];
  const options = parseBoxOptions({ security: parts.security ?? {} });
  return { box, options, spec, vmm, volumes, containerUser: parts.user ?? '' };
}

const disks = { chain: async () => [] };
const command = { binary: PROGRAM, args: ['true'], env: {} };

/** A sandbox that lets see what it is told. */
function watching() {
  let context: SandboxContext | undefined;
  const sandbox: Sandbox = {
    name: 'watching',
    isAvailable: async () => ({ available: true }),
    async setup(given) {
      context = given;
      return { degradations: [] };
    },
    apply: (_context, inner) => ({ ...inner, pidReport: { kind: 'self' } }),
  };
  return { sandbox, seen: () => context };
}

function identityOf(path: string) {
  const { dev, ino } = statSync(path, { bigint: true });
  return { device: String(dev), inode: String(ino) };
}

/** A disk store to which the container disk stands on these files. */
function chainOver({ box }: JailRequest, files: readonly string[]) {
  writeFileSync(box.containerDisk, '');
  const layer = (path: string): DiskLayer => ({ path, format: 'qcow2', virtualSize: 0 });
  return { chain: async () => [box.containerDisk, ...files].map(layer) };
}

const noSandbox = async (): Promise<never> => {
  throw new BoxliteError('plugin_none_available', 'no sandbox is available here: bwrap: not installed', {
    hint: 'apt install bubblewrap',
  });
};

describe('the jail of a box, where no sandbox is to be had', () => {
  it('is refused with reason and remedy', async () => {
    const building = buildJail(layout, noSandbox, disks, await request({}));
    await expect(building).rejects.toMatchObject({
      code: 'plugin_none_available',
      message: expect.stringContaining('not installed'),
      hint: 'apt install bubblewrap',
    });
  });

  it('goes on without one when best effort is asked for, says so with reason and remedy, and keeps filter and limits', async () => {
    const jail = await buildJail(layout, noSandbox, disks, await request({ security: { jailer: 'best-effort' } }));
    const warnings = await jail.prepare();
    await jail.release();
    expect(warnings.join()).toMatch(/UNCONFINED.*not installed.*apt install bubblewrap/);
    const { args, pidReport, rlimits } = jail.command(command);
    expect(args.slice(-2)).toEqual([PROGRAM, 'true']);
    expect(args).toContain('--seccomp');
    expect(pidReport).toEqual({ kind: 'self' });
    expect(rlimits?.maxFileSize).toBe(20 * 1024 ** 3);
  });

  it('is not looked for when the jailer is off', async () => {
    for (const security of [{ jailerEnabled: false }, { jailer: 'off' }]) {
      const jail = await buildJail(layout, noSandbox, disks, await request({ security }));
      expect(await jail.prepare()).toEqual([]);
      expect(jail.command(command)).toEqual({ ...command, pidReport: { kind: 'self' } });
    }
  });

  it('passes on a sandbox that cannot be made for another reason, whatever is permitted', async () => {
    const broken = async (): Promise<never> => {
      throw new BoxliteError('internal', 'broken');
    };
    const building = buildJail(layout, broken, disks, await request({ security: { jailer: 'best-effort' } }));
    await expect(building).rejects.toMatchObject({ code: 'internal' });
  });
});

describe('the jail of a box that goes on from a snapshot', () => {
  function snapshotIn(directory: string): VmmSnapshot {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const snapshot = { memory: join(directory, 'memory'), state: join(directory, 'state') };
    for (const path of Object.values(snapshot)) writeFileSync(path, 'x', { mode: 0o600 });
    return snapshot;
  }
  const places: [string, () => string][] = [
    ['a template', () => join(layout.templatesDir, 'key')],
    ['a snapshot of another box', () => join(layout.boxesDir, 'other', 'snapshots', 's')],
    ['a capture for a fork', () => join(layout.tmpDir, 'fork')],
  ];

  it.each(places)('shows the memory of %s read-only, and nothing else of its directory', async (_what, place) => {
    const from = snapshotIn(place());
    const { sandbox, seen } = watching();
    const jail = await buildJail(layout, async () => sandbox, disks, await request({ from }));
    await jail.prepare();
    expect(seen()?.paths.filter(({ path }) => path.startsWith(dirname(from.memory)))).toEqual([
      { path: from.memory, writable: false, identity: identityOf(from.memory), executable: false },
    ]);
    await jail.release();
  });

  const wrong: [string, (from: VmmSnapshot) => VmmSnapshot | undefined][] = [
    ['a link in the place of the memory', ({ memory }) => void [rmSync(memory), symlinkSync('/etc/passwd', memory)]],
    ['a directory in the place of the state', ({ state }) => void [rmSync(state), mkdirSync(state)]],
    ['no memory', ({ memory }) => void rmSync(memory)],
    ['memory that others may read', ({ memory }) => void chmodSync(memory, 0o640)],
    ['memory outside the home', ({ state }) => ({ ...snapshotIn(join(base, 'elsewhere')), state })],
    [
      'a way out of the home',
      ({ memory, state }) => ({ memory: `${dirname(memory)}/../../../elsewhere/memory`, state }),
    ],
  ];
  it.each(wrong)('is refused as invalid for %s', async (_what, change) => {
    const good = snapshotIn(join(layout.templatesDir, 'key'));
    snapshotIn(join(base, 'elsewhere'));
    const from = change(good) ?? good;
    const building = buildJail(layout, async () => watching().sandbox, disks, await request({ from }));
    await expect(building).rejects.toMatchObject({ code: 'snapshot_invalid', details: { boxId: 'box' } });
  });

  it.skipIf(process.geteuid?.() !== 0)('is refused as invalid for memory of another user (needs root)', async () => {
    const from = snapshotIn(join(layout.templatesDir, 'key'));
    chownSync(from.memory, 1000, 1000);
    const building = buildJail(layout, async () => watching().sandbox, disks, await request({ from }));
    await expect(building).rejects.toMatchObject({ code: 'snapshot_invalid', details: { path: from.memory } });
  });
});

describe('the jail of a box', () => {
  it("shows what the VMM runs from the box's own bin/ and the libraries it loads, never the originals of the copies", async () => {
    const { sandbox, seen } = watching();
    const made = await request({});
    const own = join(made.box.binDir, 'shell');
    mkdirSync(made.box.binDir);
    writeFileSync(own, '');
    const copying = {
      ...vmm,
      requirements: async () => ({ paths: [], devices: [], copies: [{ from: '/bin/bash', name: 'shell' }] }),
      command: () => ({ binary: own, args: [], env: {}, listeners: [] }),
    } as unknown as VmmHandler;
    const spec = { ...made.spec, binDir: made.box.binDir };
    const jail = await buildJail(layout, async () => sandbox, disks, { ...made, spec, vmm: copying });
    await jail.prepare();
    const paths = new Map(seen()?.paths.map(({ path, writable }) => [path, writable]));
    expect(paths.get(made.box.binDir)).toBe(false);
    expect([...paths.keys()].filter((path) => path.endsWith('/libc.so.6'))).toHaveLength(1);
    expect(paths.has('/bin/bash')).toBe(false);
  });

  it('shows its sandbox the places of this box and the short link, never the home, control/ or the record', async () => {
    const { sandbox, seen } = watching();
    const asked = await request({});
    const jail = await buildJail(layout, async () => sandbox, disks, asked);
    await jail.prepare();
    await jail.release();
    const { box } = asked;
    const granted = seen()?.paths.map(({ path }) => path) ?? [];
    expect(granted).toEqual(expect.arrayContaining([PROGRAM, box.socketsDir, box.tmpDir, box.sharedDir]));
    for (const path of [layout.home, box.dir, box.controlDir, box.pidFile, box.logsDir, layout.dbDir]) {
      expect(granted).not.toContain(path);
    }
    expect(seen()?.symlinks).toEqual([{ path: box.socketLink, target: box.socketsDir }]);
    expect(seen()?.networkEnabled).toBe(false);
  });

  it("has the host's network for a VMM that dials out itself alone, and not against the options", async () => {
    const { sandbox, seen } = watching();
    const dialling = {
      ...vmm,
      requirements: async () => ({ paths: [], devices: [], hostNetwork: true }),
    } as unknown as VmmHandler;
    const nics = [{ socketPath: '/tmp/net.sock', macAddress: '02:00:00:00:00:01' }];
    for (const [handler, networkEnabled, expected] of [
      [vmm, true, false],
      [dialling, true, true],
      [dialling, false, false],
    ] as const) {
      const asked = await request({ security: { networkEnabled } });
      const jail = await buildJail(layout, async () => sandbox, disks, {
        ...asked,
        spec: { ...asked.spec, nics },
        vmm: handler,
      });
      await jail.prepare();
      await jail.release();
      expect(seen()?.networkEnabled).toBe(expected);
    }
  });

  it('shows the base disks of this home that the disk stands on, read-only', async () => {
    const bases = [layout.baseDisk(parseBaseDiskId('AAAAAAAA'), 'qcow2'), join(layout.diskImagesDir, 'image.ext4')];
    for (const file of bases) writeFileSync(file, '');
    const { sandbox, seen } = watching();
    const asked = await request({});
    await (await buildJail(layout, async () => sandbox, chainOver(asked, bases), asked)).prepare();
    for (const path of bases)
      expect(seen()?.paths).toContainEqual({ path, writable: false, identity: identityOf(path), executable: false });
  });

  it('is refused when the disk, which the VMM can write, names any other file of the host as its base', async () => {
    const outside = join(base, 'precious');
    writeFileSync(outside, '');
    symlinkSync(outside, join(layout.basesDir, 'link.ext4'));
    const asked = await request({});
    for (const bad of [outside, join(layout.basesDir, '..', '..', 'precious'), join(layout.basesDir, 'link.ext4')]) {
      const building = buildJail(layout, noSandbox, chainOver(asked, [bad]), {
        ...asked,
        options: parseBoxOptions({ security: { jailerEnabled: false } }),
      });
      await expect(building).rejects.toMatchObject({ code: 'disk_chain_invalid', details: { path: bad } });
    }
  });

  it('is refused when the disk names another base of this home than the one it was made over: boxes do not read each other', async () => {
    const [own, other] = ['own', 'other'].map((name) => join(layout.diskImagesDir, `${name}.ext4`));
    for (const file of [own, other]) writeFileSync(file ?? '', '');
    const { sandbox, seen } = watching();
    const asked = { ...(await request({})), disk: { store: 'qcow2', base: own ?? '' } };
    await (await buildJail(layout, async () => sandbox, chainOver(asked, [own ?? '']), asked)).prepare();
    expect(seen()?.paths.map(({ path }) => path)).toContain(own);
    const building = buildJail(layout, async () => sandbox, chainOver(asked, [other ?? '']), asked);
    await expect(building).rejects.toMatchObject({ code: 'disk_chain_invalid', details: { path: other } });
  });

  it('grants a base as the file that was checked: a name that leads through a link is held to where it led', async () => {
    const file = join(layout.diskImagesDir, 'image.ext4');
    writeFileSync(file, '');
    symlinkSync(layout.diskImagesDir, join(base, 'through'));
    const named = join(base, 'through', 'image.ext4');
    const { sandbox, seen } = watching();
    const asked = await request({});
    await (await buildJail(layout, async () => sandbox, chainOver(asked, [named]), asked)).prepare();
    expect(seen()?.paths).toContainEqual({
      path: named,
      writable: false,
      identity: identityOf(file),
      executable: false,
    });
  });

  it('shows the VMM as the container user where it serves volumes, and lets it open many files', async () => {
    const { sandbox, seen } = watching();
    const volume = join(base, 'data');
    mkdirSync(volume);
    await (await buildJail(layout, async () => sandbox, disks, await request({ volume, user: '1000:100' }))).prepare();
    expect(seen()?.runAs).toEqual({ uid: 1000, gid: 100 });
    expect(seen()?.resourceLimits.maxOpenFiles).toBeGreaterThan(1024);
    expect(seen()?.paths).toContainEqual({ path: volume, writable: true, identity: SOME_FILE });
    await (await buildJail(layout, async () => sandbox, disks, await request({ user: '1000:100' }))).prepare();
    expect(seen()).toMatchObject({ runAs: { uid: 65534, gid: 65534 }, resourceLimits: { maxOpenFiles: 1024 } });
  });

  it('shows the directory of a read-only single file read-only, below the writable shared/', async () => {
    const { sandbox, seen } = watching();
    const asked = await request({ volume: join(base, 'data') });
    const staged = join(asked.box.sharedDir, 'uservol0');
    mkdirSync(staged);
    const shares = [{ tag: 'uservol0', hostPath: staged, readOnly: true }];
    const volumes = asked.volumes.map((volume) => ({ ...volume, kind: 'file' as const }));
    const jail = await buildJail(layout, async () => sandbox, disks, {
      ...asked,
      volumes,
      spec: { ...asked.spec, shares },
    });
    await jail.prepare();
    expect(seen()?.paths).toContainEqual({ path: staged, writable: false, executable: false });
    expect(seen()?.paths).toContainEqual({ path: asked.box.sharedDir, writable: true });
    expect(seen()?.paths.map(({ path }) => path)).not.toContain(join(base, 'data'));
  });

  it('is refused for a volume in the BoxLite home, naming the volume', async () => {
    const building = buildJail(layout, noSandbox, disks, {
      ...(await request({ security: { jailerEnabled: false }, volume: layout.dbDir })),
    });
    await expect(building).rejects.toMatchObject({
      code: 'config_error',
      details: { field: 'volumes.0.hostPath', path: layout.dbDir },
    });
  });
});
