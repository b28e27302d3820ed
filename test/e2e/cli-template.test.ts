import { chown, mkdtemp, readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { accessibleRepository } from '../support/accessible-repository.js';
import { expectNothingLeft } from '../support/leftovers.js';
import { patience } from '../support/patience.js';
import { runCli } from '../support/run-cli.js';
import { removeHome, temporaryHome } from '../support/temporary-home.js';
import { vmmUnderTest } from '../support/vmm-under-test.js';

const isQemu = (await vmmUnderTest()) === 'qemu';
const isRoot = process.getuid?.() === 0;
const SHAPE = ['--memory', '128'];
const NOBODY = 65534;
const ON = { BOXLITE_TEMPLATES: 'on' };

describe.skipIf(!isQemu)('boxlite template', () => {
  let home: Awaited<ReturnType<typeof temporaryHome>>;
  beforeAll(async () => {
    home = await temporaryHome();
  });
  afterAll(() => home.end());

  const boxlite = (...args: string[]) => runCli(args, { home: home.home, env: ON });
  async function output(...args: string[]): Promise<string> {
    const { status, stdout, stderr } = await boxlite(...args);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    return stdout.toString();
  }

  it(
    'build makes one, says so, and finds it the next time; ls, df and the completions know it',
    async () => {
      expect(await output('template', 'build', ...SHAPE)).toMatch(
        /^made template [0-9a-f]{12} \(qemu, 1 CPU, 128 MiB\), .* on disk\n$/,
      );
      expect(await output('template', 'build', ...SHAPE)).toMatch(/^there already: template /);
      const built = JSON.parse(await output('template', 'build', ...SHAPE, '--json'));
      expect(built).toMatchObject({ isNew: false, vmm: 'qemu', cpus: 1, memoryMib: 128, problem: null });
      expect(await output('template', 'ls')).toMatch(/^TEMPLATE .*\n[0-9a-f]{12} +- +qemu +1 +128 MiB .* ready\n$/);
      expect(await output('template', 'ls', '-q')).toBe(`${built.key}\n`);
      expect(JSON.parse(await output('template', 'ls', '--verify', '--json'))).toMatchObject([
        { key: built.key, problem: null },
      ]);
      const usage = JSON.parse(await output('system', 'df', '--json'));
      expect(usage.kinds).toContainEqual(expect.objectContaining({ kind: 'templates', count: 1 }));
      expect(await output('completion', 'bash')).toContain('boxlite template ls --quiet');
    },
    patience(120_000),
  );

  it(
    'serves run and start: inspect says what a box started from, and --no-template boots',
    async () => {
      const [one, two] = [
        (await output('create', '--name', 'one', ...SHAPE)).trim(),
        (await output('create', '--name', 'two', '--no-template', ...SHAPE)).trim(),
      ];
      await output('start', one, two);
      const [first, second] = JSON.parse(await output('inspect', one, two));
      expect(first).toMatchObject({ startedFrom: 'template', template: expect.stringMatching(/^[0-9a-f]{32}$/) });
      expect(second).toMatchObject({ startedFrom: 'cold', template: null });
      expect(await output('exec', one, '--', 'hostname')).toBe('one\n');
      await output('rm', '-f', one, two);
      expect(await output('run', '--rm', ...SHAPE, '--', 'echo', 'it answers')).toBe('it answers\n');
    },
    patience(120_000),
  );

  it(
    'rm takes keys, their beginnings, or all; what is not there fails the command and not the rest',
    async () => {
      // That of the image is made by a process of its own after the starts before.
      const list = async () => (await output('template', 'ls', '-q')).trim().split('\n');
      await expect.poll(list, { timeout: patience(60_000) }).toHaveLength(2);
      await expectNothingLeft(home.home);
      const [key = '', other] = await list();
      const removal = await boxlite('template', 'rm', 'ffff0000', key.slice(0, 10));
      expect(removal).toMatchObject({ status: 1, stderr: expect.stringContaining('there is no template "ffff0000"') });
      expect(removal.stdout.toString()).toBe(`${key.slice(0, 10)}\n`);
      expect(await list()).toEqual([other]);
      expect(await boxlite('template', 'rm')).toMatchObject({
        status: 1,
        stderr: expect.stringContaining('no template is named'),
      });
      expect(await boxlite('template', 'rm', '--all', key)).toMatchObject({ status: 1 });
      expect(JSON.parse(await output('template', 'rm', '--all', '--json'))).toEqual({ removed: [other] });
      expect(await output('template', 'ls', '-q')).toBe('');
      expect(await boxlite('template', 'build', '--cpus', 'many')).toMatchObject({
        status: 1,
        stderr: expect.stringContaining('cpus'),
      });
    },
    patience(60_000),
  );

  it(
    'is made by a process of its own after a run that was over too soon, which ends by itself',
    async () => {
      expect(await output('run', '--rm', ...SHAPE, '--', 'echo', 'cold')).toBe('cold\n');
      await expect
        .poll(() => readdir(join(home.home, 'templates')), { timeout: patience(60_000), interval: 100 })
        .toHaveLength(2);
      await expectNothingLeft(home.home);
      expect(await output('template', 'ls')).toMatch(/starter-image \(10\.7 GB\) +qemu/);
      expect(await readdir(join(home.home, 'boxes'))).toEqual([]);
    },
    patience(120_000),
  );
});

describe.skipIf(!isQemu || !isRoot)('an ordinary user (needs root to become one)', () => {
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

  it(
    'makes templates and starts from them',
    async () => {
      const as = (...args: string[]) => runCli(args, { home, env: ON, user: 'nobody', root: repository.root });
      expect(await as('template', 'build', ...SHAPE)).toMatchObject({ status: 0, stderr: '' });
      expect(await as('create', '--name', 'mine', ...SHAPE)).toMatchObject({ status: 0 });
      expect(await as('exec', 'mine', '--', 'id', '-u')).toMatchObject({ status: 0, stderr: '' });
      const [info] = JSON.parse((await as('inspect', 'mine')).stdout.toString());
      expect(info).toMatchObject({ startedFrom: 'template' });
      expect(await as('template', 'build', '--image', info.image, ...SHAPE)).toMatchObject({ status: 0, stderr: '' });
      expect(await as('create', '--name', 'other', ...SHAPE)).toMatchObject({ status: 0 });
      const { stdout } = await as('exec', 'other', '--', 'sh', '-c', 'echo kept > /root/file; cat /root/file');
      expect(stdout.toString()).toBe('kept\n');
      expect(JSON.parse((await as('inspect', 'other')).stdout.toString())).toMatchObject([{ templateKind: 'image' }]);
      expect(await as('rm', '-f', 'mine', 'other')).toMatchObject({ status: 0 });
    },
    patience(120_000),
  );
});
