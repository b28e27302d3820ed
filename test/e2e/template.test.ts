import { existsSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Box, Boxlite, type BoxliteOptions, type BoxOptions } from '@boxlite/sdk';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectNothingLeft } from '../support/leftovers.js';
import { patience } from '../support/patience.js';
import { temporaryHome } from '../support/temporary-home.js';
import { vmmUnderTest } from '../support/vmm-under-test.js';

const isQemu = (await vmmUnderTest()) === 'qemu';
const MEMORY_MIB = 128;

interface Logged {
  readonly level: string;
  readonly message: string;
}

let home: Awaited<ReturnType<typeof temporaryHome>>;

/** A runtime that uses templates, whatever the environment of the tests says. */
async function open(options: BoxliteOptions = {}): Promise<{ boxlite: Boxlite; logged: Logged[] }> {
  const logged: Logged[] = [];
  const boxlite = await Boxlite.open({
    homeDir: home.home,
    templates: { use: true, make: false },
    log: ({ level, message }) => void logged.push({ level, message }),
    ...options,
  });
  return { boxlite, logged };
}

async function started(boxlite: Boxlite, options: BoxOptions = {}): Promise<Box> {
  // Privileged: templates of images are not for them, and have tests of their own (template-image.test.ts).
  const box = await boxlite.create({ memoryMib: MEMORY_MIB, autoRemove: true, privileged: true, ...options });
  await box.start();
  return box;
}

async function text(box: Box, script: string): Promise<string> {
  const { stdout, stderr } = await box.run('sh', ['-c', script]);
  return Buffer.concat([stdout, stderr]).toString().trim();
}

const origin = async (box: Box) => (await box.info()).startedFrom;
const warnings = (logged: readonly Logged[]) =>
  logged.filter(({ level }) => level === 'warn').map(({ message }) => message);
const filesOf = (key: string) => ({
  memory: join(home.home, 'templates', key, 'memory'),
  state: join(home.home, 'templates', key, 'state'),
  record: join(home.home, 'templates', key, 'template.json'),
});

describe.skipIf(!isQemu)('templates', () => {
  beforeAll(async () => {
    home = await temporaryHome();
  });
  afterAll(() => home.end());

  it(
    'are made in the background after the first cold start of a shape, and the next box starts from one',
    async () => {
      const { boxlite, logged } = await open({ templates: true });
      const stages: unknown[] = [];
      const first = await started(boxlite, { privileged: false });
      expect(await first.info()).toMatchObject({ startedFrom: 'cold', template: null });
      await boxlite.templates.idle();
      // The one of its image has a test of its own: template-image.test.ts.
      const templates = await boxlite.templates.list({ verify: true });
      const [template, ...others] = templates.filter(({ kind }) => kind === 'shape');
      expect([others, templates.length]).toEqual([[], 2]);
      expect(template).toMatchObject({
        vmm: 'qemu',
        cpus: 1,
        memoryMib: MEMORY_MIB,
        problem: null,
        diskFormat: expect.anything(),
      });

      const second = await boxlite.create({ memoryMib: MEMORY_MIB, autoRemove: true, privileged: true });
      await second.start({ onStage: (_name, timing) => void (timing !== undefined && stages.push(timing)) });
      expect(await second.info()).toMatchObject({ startedFrom: 'template', template: template?.key });
      expect(stages).toContainEqual(expect.objectContaining({ name: 'vmm-spawn', startedFrom: 'template' }));
      expect(second.startTimings).toContainEqual(
        expect.objectContaining({ name: 'guest-connect', startedFrom: 'template' }),
      );
      expect(await text(second, 'echo it answers')).toBe('it answers');
      expect(warnings(logged)).toEqual([]);
      // Nothing of the machines it was made with.
      expect(readdirSync(join(home.home, 'boxes')).sort()).toEqual([first.id, second.id].sort());
      expect(readdirSync(join(home.home, 'tmp')).filter((name) => /^\d+-\d+-/.test(name))).toEqual([]);
      for (const path of Object.values(filesOf(template?.key ?? '')))
        expect(statSync(path).mode & 0o777, path).toBe(0o600);
      expect(statSync(join(home.home, 'templates', template?.key ?? '')).mode & 0o777).toBe(0o700);
      await boxlite.shutdown();
    },
    patience(120_000),
  );

  it(
    'give each box its own disk of its own size, name, clock, boot id and randomness',
    async () => {
      const { boxlite } = await open();
      const [one, two] = await Promise.all([
        started(boxlite, { name: 'one', diskSizeGb: 1 }),
        started(boxlite, { name: 'two', diskSizeGb: 3 }),
      ]);
      expect([await origin(one), await origin(two)]).toEqual(['template', 'template']);
      const facts = (box: Box) =>
        text(
          box,
          'hostname; cat /proc/sys/kernel/random/boot_id; head -c 32 /dev/urandom | od -An -tx1 | tr -d " \\n"; echo; date +%s',
        );
      const [a, b] = (await Promise.all([facts(one), facts(two)])).map((lines) => lines.split('\n'));
      expect([a?.[0], b?.[0]]).toEqual(['one', 'two']);
      expect(a?.[1]).toMatch(/^[0-9a-f-]{36}$/);
      expect(a?.[1]).not.toBe(b?.[1]);
      expect(a?.[2]).toMatch(/^[0-9a-f]{64}$/);
      expect(a?.[2]).not.toBe(b?.[2]);
      const now = Date.now() / 1000;
      for (const seconds of [a?.[3], b?.[3]]) expect(Math.abs(Number(seconds) - now)).toBeLessThan(10);
      // Of the file system, which is as large as the disk; in blocks of 1 KiB.
      const size = async (box: Box) => Number((await text(box, 'df -k / | tail -1')).split(/\s+/)[1]) / 1024 ** 2;
      expect(await size(one)).toBeGreaterThan(0.8);
      expect(await size(one)).toBeLessThan(1.1);
      expect(await size(two)).toBeGreaterThan(2.6);
      await text(one, 'echo mine > /root/file');
      expect(await text(two, 'cat /root/file')).toContain('No such file');
      await boxlite.shutdown();
    },
    patience(120_000),
  );

  it(
    'are not used where the box, the runtime or the shape do not allow it',
    async () => {
      const { boxlite, logged } = await open();
      expect(await origin(await started(boxlite, { template: false }))).toBe('cold');
      expect(await origin(await started(boxlite, { memoryMib: MEMORY_MIB + 32 }))).toBe('cold');
      await boxlite.shutdown();
      const off = await open({ templates: false });
      expect(await origin(await started(off.boxlite))).toBe('cold');
      await off.boxlite.shutdown();
      expect([...warnings(logged), ...warnings(off.logged)]).toEqual([]);
    },
    patience(180_000),
  );

  const damages: [string, RegExp, (key: string) => void][] = [
    ['a missing memory file', /its memory is missing/, (key) => rmSync(filesOf(key).memory)],
    ['a truncated memory file', /its memory has 4096 bytes/, (key) => truncateSync(filesOf(key).memory, 4096)],
    ['a truncated state', /its state has 100 bytes/, (key) => truncateSync(filesOf(key).state, 100)],
    [
      'a record of another version',
      /another version/,
      (key) => {
        const record = JSON.parse(readFileSync(filesOf(key).record, 'utf8'));
        writeFileSync(filesOf(key).record, JSON.stringify({ ...record, format: 99 }));
      },
    ],
  ];
  it.each(damages)(
    'with %s mean a warning and a cold start, and are made anew',
    async (_what, why, damage) => {
      const { boxlite, logged } = await open({ templates: true });
      const { key } = await boxlite.templates.build({ memoryMib: MEMORY_MIB });
      damage(key);
      const box = await started(boxlite);
      expect(await origin(box)).toBe('cold');
      expect(await text(box, 'echo it answers')).toBe('it answers');
      expect(warnings(logged)).toEqual([expect.stringMatching(why)]);
      expect(warnings(logged)[0]).toContain(key.slice(0, 12));
      await boxlite.templates.idle();
      expect(await origin(await started(boxlite))).toBe('template');
      expect(warnings(logged)).toHaveLength(1);
      await boxlite.shutdown();
    },
    patience(180_000),
  );

  it(
    'are made once by two runtimes of one home, counted by its disk usage, and removed by key',
    async () => {
      const [one, two] = [await open(), await open()];
      for (const { key } of await one.boxlite.templates.list()) await one.boxlite.templates.remove(key);
      const built = await Promise.all(
        [one, two].map(({ boxlite }) => boxlite.templates.build({ memoryMib: MEMORY_MIB })),
      );
      expect(new Set(built.map(({ key }) => key)).size).toBe(1);
      expect(built.map(({ isNew }) => isNew).sort()).toEqual([false, true]);
      const [template] = built;
      const usage = (await one.boxlite.system.df()).kinds.find(({ kind }) => kind === 'templates');
      expect(usage).toMatchObject({ count: 1, active: 1, bytes: template?.bytes });
      expect(template?.bytes).toBeLessThan(100 * 1024 * 1024);
      expect(await one.boxlite.templates.remove(template?.key.slice(0, 8) ?? '')).toBe(template?.key);
      expect(existsSync(join(home.home, 'templates', template?.key ?? ''))).toBe(false);
      await expect(one.boxlite.templates.remove('0000')).rejects.toMatchObject({ code: 'not_found' });
      await Promise.all([one.boxlite.shutdown(), two.boxlite.shutdown()]);
    },
    patience(180_000),
  );

  it(
    'that are being made are given up by shutdown, and nothing of it is left',
    async () => {
      const { boxlite } = await open({ templates: true });
      const box = await started(boxlite);
      const making = boxlite.templates.idle();
      // The blank machine runs by now: its directory is there beside the box's.
      await expect.poll(() => readdirSync(join(home.home, 'boxes')).length, { timeout: patience(20_000) }).toBe(2);
      await boxlite.shutdown();
      await making;
      expect(readdirSync(join(home.home, 'boxes')).filter((name) => name !== box.id)).toEqual([]);
      expect(readdirSync(join(home.home, 'templates'))).toEqual([]);
      expect(readdirSync(join(home.home, 'tmp')).filter((name) => /^\d+-\d+-/.test(name))).toEqual([]);
      await expectNothingLeft(home.home);
    },
    patience(120_000),
  );

  it(
    'are bounded: the least recently used one goes',
    async () => {
      const { boxlite } = await open({ cache: { maxTemplates: 1 } });
      const first = await boxlite.templates.build({ memoryMib: MEMORY_MIB });
      const second = await boxlite.templates.build({ memoryMib: MEMORY_MIB + 32 });
      expect((await boxlite.templates.list()).map(({ key }) => key)).toEqual([second.key]);
      expect(first.key).not.toBe(second.key);
      const { templates } = await boxlite.system.prune({ all: true });
      expect(templates.count).toBe(1);
      expect(await boxlite.templates.list()).toEqual([]);
      await boxlite.shutdown();
    },
    patience(180_000),
  );
});
