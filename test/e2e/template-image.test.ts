import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, readdirSync, renameSync, rmSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { type Box, Boxlite, type BoxliteOptions, type BoxOptions, type TemplateInfo } from '@boxlite/sdk';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  CLONING_FILE_SYSTEMS,
  mountLoopFileSystem,
  whyNotMountable,
} from '../../packages/disk-reflink/test/loop-file-system.js';
import { drawnAtOnce } from '../support/drawn-randomness.js';
import { expectNothingLeft } from '../support/leftovers.js';
import { patience } from '../support/patience.js';
import { removeHome, temporaryHome } from '../support/temporary-home.js';
import { vmmUnderTest } from '../support/vmm-under-test.js';

const isQemu = (await vmmUnderTest()) === 'qemu';
const MEMORY_MIB = 128;
const TIMEOUT_MS = patience(120_000);
/** Machines whose randomness is compared, of one template. */
const MACHINES = process.env.BOXLITE_TEST_FULL ? 200 : 20;
/** At the same time. */
const BATCH = 10;

interface Logged {
  readonly level: string;
  readonly message: string;
}

let homeDir: string;

async function open(options: BoxliteOptions = {}): Promise<{ boxlite: Boxlite; warnings: () => readonly string[] }> {
  const logged: Logged[] = [];
  const boxlite = await Boxlite.open({
    homeDir,
    templates: { use: true, make: false },
    log: ({ level, message }) => void logged.push({ level, message }),
    ...options,
  });
  return { boxlite, warnings: () => logged.filter(({ level }) => level === 'warn').map(({ message }) => message) };
}

async function started(boxlite: Boxlite, options: BoxOptions = {}): Promise<Box> {
  const box = await boxlite.create({ memoryMib: MEMORY_MIB, diskSizeGb: 1, ...options });
  await box.start();
  return box;
}

async function text(box: Box, script: string): Promise<string> {
  const { stdout, stderr } = await box.run('sh', ['-c', script]);
  return Buffer.concat([stdout, stderr]).toString().trim();
}

/** `cold`, or what the template was made for. */
async function origin(box: Box): Promise<string | null> {
  const { startedFrom, templateKind } = await box.info();
  return startedFrom === 'template' ? templateKind : startedFrom;
}

async function build(boxlite: Boxlite): Promise<TemplateInfo> {
  const box = await boxlite.create();
  const { image } = await box.info();
  await boxlite.remove(box.id);
  return boxlite.templates.build({ memoryMib: MEMORY_MIB, diskSizeGb: 1, image });
}

/** The disk of a stopped box, looked at from outside. */
function checkFileSystem(box: Box): void {
  const disks = join(homeDir, 'boxes', box.id, 'disks');
  const [name = ''] = readdirSync(disks);
  const raw = join(homeDir, 'tmp', 'checked.raw');
  execFileSync('qemu-img', ['convert', '-O', 'raw', join(disks, name), raw]);
  try {
    execFileSync('e2fsck', ['-fn', raw], { stdio: 'pipe' });
  } finally {
    rmSync(raw);
  }
}

describe.skipIf(!isQemu)('templates of an image', { timeout: TIMEOUT_MS }, () => {
  let home: Awaited<ReturnType<typeof temporaryHome>>;
  beforeAll(async () => {
    home = await temporaryHome();
    homeDir = home.home;
  });
  afterAll(() => home.end());

  it('are made in the background after its first start, and the next box has its disk mounted already, in a copy of its own', async () => {
    const { boxlite, warnings } = await open({ templates: true });
    const first = await started(boxlite);
    expect(await origin(first)).toBe('cold');
    await boxlite.templates.idle();
    const templates = await boxlite.templates.list({ verify: true });
    expect(templates.map(({ kind, problem }) => [kind, problem]).sort()).toEqual([
      ['image', null],
      ['shape', null],
    ]);
    const template = templates.find(({ kind }) => kind === 'image');
    expect(template?.image).toEqual({ reference: (await first.info()).image, diskBytes: 1024 ** 3 });
    const stored = join(template?.directory ?? '', 'disk.qcow2');
    expect(statSync(stored).mode & 0o777).toBe(0o600);

    const [one, two] = await Promise.all([started(boxlite, { name: 'one' }), started(boxlite, { name: 'two' })]);
    expect([await origin(one), await origin(two)]).toEqual(['image', 'image']);
    expect(await one.info()).toMatchObject({ template: template?.key, templateKind: 'image' });
    expect(await text(one, 'hostname; echo mine > /root/file; cat /root/file; ls /bin | grep -c .')).toMatch(
      /^one\nmine\n\d+$/,
    );
    expect(await text(two, 'hostname; cat /root/file')).toMatch(/^two\n.*No such file/);
    expect(await text(one, 'df -k / | tail -1')).toMatch(/^\/dev\/vda +(9|10)\d{5} /);
    await one.stop();
    checkFileSystem(one);
    await one.start();
    expect(await origin(one)).toBe('shape');
    expect(await text(one, 'cat /root/file')).toBe('mine');
    await two.stop();
    checkFileSystem(two);
    expect(warnings()).toEqual([]);
    expect((await boxlite.templates.list({ verify: true })).map(({ problem }) => problem)).toEqual([null, null]);
    for (const { id } of [first, one, two]) await boxlite.remove(id, { force: true });
    await boxlite.shutdown();
  });

  it('are for new boxes of that image, with a disk of that size, without volumes, and not privileged; others start as before', async () => {
    const { boxlite, warnings } = await open();
    await build(boxlite);
    const boxes = await Promise.all([
      started(boxlite, { diskSizeGb: 2 }),
      started(boxlite, { privileged: true }),
      started(boxlite, { template: false }),
      started(boxlite),
    ]);
    expect(await Promise.all(boxes.map(origin))).toEqual(['shape', 'shape', 'cold', 'image']);
    const [larger, privileged] = boxes;
    expect(await text(larger as Box, 'df -k / | tail -1')).toMatch(/ (19|20)\d{5} /);
    expect(await text(privileged as Box, 'mount -t tmpfs none /mnt 2>&1; grep CapEff /proc/self/status')).toMatch(
      /f{6}$/,
    );
    for (const { id } of boxes) await boxlite.remove(id, { force: true });
    expect(warnings()).toEqual([]);
    await boxlite.shutdown();
  });

  const damages: readonly (readonly [string, RegExp, (disk: string) => void])[] = [
    ['a truncated disk', /its disk has 65536 bytes/, (disk) => truncateSync(disk, 65_536)],
    ['another disk of the same size', /is another file/, (disk) => exchange(disk)],
  ];
  it.each(damages)(
    'with %s mean a warning and the template of the shape in the same call, and are made anew',
    async (_what, why, damage) => {
      const { boxlite, warnings } = await open({ templates: true });
      const { key, directory } = await build(boxlite);
      damage(join(directory, 'disk.qcow2'));
      const box = await started(boxlite);
      expect(await origin(box)).toBe('shape');
      expect(await text(box, 'echo it writes > /root/file; cat /root/file')).toBe('it writes');
      expect(warnings()).toEqual([expect.stringMatching(why)]);
      expect(warnings()[0]).toContain(key.slice(0, 12));
      await boxlite.templates.idle();
      const next = await started(boxlite);
      expect(await origin(next)).toBe('image');
      for (const { id } of [box, next]) await boxlite.remove(id, { force: true });
      expect(warnings()).toHaveLength(1);
      await boxlite.shutdown();
    },
  );

  it(`give ${MACHINES} machines nothing equal that is drawn at random`, {
    timeout: MACHINES * patience(5_000),
  }, async () => {
    const { boxlite } = await open();
    await build(boxlite);
    const drawn: Awaited<ReturnType<typeof drawnAtOnce>>[] = [];
    while (drawn.length < MACHINES) {
      const boxes = await Promise.all(Array.from({ length: BATCH }, () => started(boxlite)));
      expect(new Set(await Promise.all(boxes.map(origin)))).toEqual(new Set(['image']));
      drawn.push(...(await Promise.all(boxes.map(drawnAtOnce))));
      await Promise.all(boxes.map(({ id }) => boxlite.remove(id, { force: true })));
    }
    for (const name of ['random', 'uuid', 'boot id', 'AT_RANDOM', 'stack', 'mmap', 'TCP sequence']) {
      expect(new Set(drawn.map((one) => one[name]).filter(Boolean)).size, name).toBe(drawn.length);
    }
    await boxlite.shutdown();
  });

  it('never meet a disk of the image that was made again, and go with the image', async () => {
    const { boxlite, warnings } = await open();
    await boxlite.templates.build({ memoryMib: MEMORY_MIB });
    const { key } = await build(boxlite);
    const disks = join(homeDir, 'images', 'disk-images');
    for (const name of readdirSync(disks)) exchange(join(disks, name));
    const box = await started(boxlite);
    expect(await origin(box)).toBe('shape');
    expect(warnings()).toEqual([]);
    const usage = async () => (await boxlite.system.df()).kinds.find(({ kind }) => kind === 'templates');
    expect(await usage()).toMatchObject({ count: 2, active: 1 });
    const { templates } = await boxlite.system.prune();
    expect(templates.count).toBe(1);
    expect((await boxlite.templates.list()).map((template) => template.key)).not.toContain(key);

    const again = await build(boxlite);
    expect(again.key).not.toBe(key);
    await boxlite.remove(box.id, { force: true });
    const [image] = await boxlite.images.list();
    await boxlite.images.remove(image?.reference ?? '');
    expect(existsSync(again.directory)).toBe(false);
    expect((await boxlite.templates.list()).map(({ kind }) => kind)).toEqual(['shape']);
    await boxlite.shutdown();
    await expectNothingLeft(homeDir);
  });
});

const [cloning] = CLONING_FILE_SYSTEMS.filter((type) => whyNotMountable(type) === undefined);
describe.skipIf(!isQemu || cloning === undefined)(
  'templates of an image where disks are cloned files',
  { timeout: TIMEOUT_MS },
  () => {
    it('are captured with a clone, and each box gets one', async () => {
      if (cloning === undefined) return;
      const mounted = mountLoopFileSystem(cloning);
      homeDir = join(mounted.directory, 'home');
      const { boxlite, warnings } = await open();
      try {
        const first = await started(boxlite);
        const { directory, diskFormat } = await build(boxlite);
        expect([diskFormat, existsSync(join(directory, 'disk.raw'))]).toEqual(['raw', true]);
        const box = await started(boxlite, { name: 'cloned' });
        expect(await origin(box)).toBe('image');
        expect(await text(box, 'echo mine > /root/file; cat /root/file; hostname')).toBe('mine\ncloned');
        await box.stop();
        checkFileSystem(box);
        expect(await text(box, 'cat /root/file')).toBe('mine');
        expect(await text(await started(boxlite), 'cat /root/file')).toContain('No such file');
        expect(warnings()).toEqual([]);
        await boxlite.remove(first.id, { force: true });
      } finally {
        await boxlite.shutdown();
        await removeHome(homeDir);
        mounted.unmount();
      }
    });
  },
);

/** A copy in its place: the same bytes, another file. */
function exchange(path: string): void {
  copyFileSync(path, `${path}.copy`);
  renameSync(`${path}.copy`, path);
}
