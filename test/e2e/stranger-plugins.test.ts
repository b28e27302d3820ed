import { execFile, spawn } from 'node:child_process';
import { chmod, copyFile, mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { debianKernel } from '../support/debian-kernel.js';
import { type PackedProject, packedProject } from '../support/packed-project.js';
import { patience } from '../support/patience.js';
import { REPOSITORY } from '../support/run-cli.js';

/** The kernel of ordinary boxes; a published BoxLite finds one that is installed, this one is in the workspace. */
const LIBKRUNFW = 'node_modules/@superradcompany/microsandbox-linux-x64-gnu/lib/libkrunfw.so.5.6.1';
const Q35 = ['--plugin', './custom-vmm', '--plugin', './custom-kernel'];
const NESTED = process.env.BOXLITE_KVM_HOST === '1';
/** The adapter is the same for every case; the short form takes those that show each member of the contract once. */
const SHORT_FORM =
  process.env.BOXLITE_TEST_FULL === '1' ? [] : ['--test-name-pattern=^(check|requirements|start|stop|attach)'];

let project: PackedProject;
let installed: PackedProject | undefined;
let environment: Record<string, string>;

beforeAll(async () => {
  if (NESTED) return;
  const kernelRoot = await debianKernel();
  installed = await packedProject(
    ['custom-vmm', 'custom-kernel', 'custom-sandbox', 'custom-image-source'],
    ['custom-sandbox'],
  );
  project = installed;
  environment = {
    PATH: process.env.PATH ?? '',
    HOME: project.directory,
    BOXLITE_HOME: join(project.directory, 'home'),
    BOXLITE_KERNEL_ROOT: kernelRoot,
    BOXLITE_LIBKRUNFW: join(REPOSITORY, LIBKRUNFW),
  };
}, patience(300_000));
afterAll(() => installed?.remove());

interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program in the stranger's project. */
function run(program: string, args: readonly string[], extra: Readonly<Record<string, string>> = {}): Promise<Ended> {
  return new Promise((resolve) => {
    const options = { cwd: project.directory, env: { ...environment, ...extra } };
    execFile(program, [...args], options, (error, stdout, stderr) => {
      const status = error === null ? 0 : typeof error.code === 'number' ? error.code : null;
      resolve({ status, stdout, stderr });
    });
  });
}

const boxlite = (...args: readonly string[]) => run(project.cli, args);
const kernelRelease = async () =>
  (await readdir(join(environment.BOXLITE_KERNEL_ROOT ?? '', 'lib/modules')))[0] ?? 'there is none';

/** The names of the tests of node:test that failed, and how many passed. */
async function nodeTest(
  path: string,
  options: readonly string[] = [],
): Promise<{ readonly passed: number; readonly failed: readonly string[] }> {
  const child = spawn(process.execPath, ['--test', '--test-reporter=tap', ...options, path], {
    cwd: project.directory,
    env: environment,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let passed = 0;
  const failed: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    const [, verdict, name = ''] = /^ +(ok|not ok) \d+ - (.*)$/.exec(line) ?? [];
    if (verdict === 'ok' && !name.endsWith('# SKIP')) passed += 1;
    if (verdict === 'not ok') failed.push(name);
  }
  return { passed, failed };
}

describe.skipIf(NESTED)('a stranger, with BoxLite installed from packed tarballs (needs apt for a kernel)', () => {
  it('has written a VmmHandler over q35 in less than 200 lines, with nothing but published names', async () => {
    const sources = (await readdir(join(project.directory, 'custom-vmm'))).filter((name) => name.endsWith('.js'));
    const texts = await Promise.all(
      sources.map((name) => readFile(join(project.directory, 'custom-vmm', name), 'utf8')),
    );
    expect(texts.join('').split('\n').length - 1).toBeLessThan(200);
    const imported = texts.flatMap((text) => [...text.matchAll(/from '([^.'][^']*)'/g)].map(([, name]) => name));
    expect(imported.filter((name) => name !== '@boxlite/core' && !name?.startsWith('node:'))).toEqual([]);
  });

  it('passes the VmmHandler suite with it', { timeout: patience(600_000) }, async () => {
    const { passed, failed } = await nodeTest('custom-vmm/test/conformance.test.js');
    expect(failed).toEqual([]);
    expect(passed).toBeGreaterThan(30);
  });

  it('passes the VmmHandler suite with the plugin of version 1, through the adapter', {
    timeout: patience(600_000),
  }, async () => {
    const { passed, failed } = await nodeTest('custom-vmm/test/version-1.test.js', SHORT_FORM);
    expect(failed).toEqual([]);
    expect(passed).toBeGreaterThan(10);
  });

  it('passes the Sandbox suite with the sandbox over unshare', { timeout: patience(120_000) }, async () => {
    const { passed, failed } = await nodeTest('custom-sandbox/test/conformance.test.js');
    expect(failed).toEqual([]);
    expect(passed).toBeGreaterThan(15);
  });

  it('passes the ImageSource suite with the source of directories, and runs a box from one', {
    timeout: patience(240_000),
  }, async () => {
    const { passed, failed } = await nodeTest('custom-image-source/test/conformance.test.js');
    expect(failed).toEqual([]);
    expect(passed).toBeGreaterThan(20);
    const root = join(project.directory, 'rootfs');
    await mkdir(join(root, 'bin'), { recursive: true });
    await copyFile('/bin/busybox', join(root, 'bin/busybox'));
    await symlink('busybox', join(root, 'bin/sh'));
    await writeFile(join(root, 'greeting'), 'from a directory\n');
    const image = ['--plugin', './custom-image-source', `directory:${root}`];
    const box = await boxlite('run', '--rm', ...image, '--', 'busybox', 'cat', '/greeting');
    expect(box).toEqual({ status: 0, stdout: 'from a directory\n', stderr: '' });
  });

  it('chooses both by id in a program', { timeout: patience(180_000) }, async () => {
    const program = `
      import { Boxlite, defaultRegistry, loadPlugins } from '@boxlite/sdk';
      import unshare from 'boxlite-example-sandbox-unshare';
      const registry = defaultRegistry().register(unshare);
      await loadPlugins(registry, ['./custom-vmm', './custom-kernel']);
      const boxlite = await Boxlite.open({ registry, vmm: 'q35', sandbox: 'unshare' });
      const box = await boxlite.create({ memoryMib: 192, autoRemove: true });
      const { stdout } = await box.run('sh', ['-c', 'uname -r; ls /sys/bus/pci/devices | wc -l']);
      const { vmm } = await box.info();
      console.log(vmm, new TextDecoder().decode(stdout).trim().replace('\\n', ' '));
      await boxlite.shutdown();
    `;
    await writeFile(join(project.directory, 'program.mjs'), program);
    const { status, stdout, stderr } = await run(process.execPath, ['program.mjs']);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    const [vmm, release, devices] = stdout.trim().split(' ');
    expect([vmm, release]).toEqual(['q35', await kernelRelease()]);
    expect(Number(devices)).toBeGreaterThan(5);
  });

  it('chooses them on the command line: --vmm q35 --plugin ./path, --sandbox unshare --plugin package', {
    timeout: patience(180_000),
  }, async () => {
    const vm = await boxlite('run', '--rm', '--vmm', 'q35', ...Q35, '--', 'uname', '-r');
    expect(vm).toEqual({ status: 0, stdout: `${await kernelRelease()}\n`, stderr: '' });
    const plugin = ['--sandbox', 'unshare', '--plugin', 'boxlite-example-sandbox-unshare'];
    const box = await boxlite('run', '--rm', ...plugin, '--', 'sh', '-c', 'echo confined; exit 3');
    // Root is told that this sandbox does not make the VMM another user, as bubblewrap does.
    const told =
      process.geteuid?.() === 0 ? expect.stringMatching(/^boxlite: warning: .*stays host root.*unshare/) : '';
    expect(box).toEqual({ status: 3, stdout: 'confined\n', stderr: told });
  });

  it('runs the plugin of the README as it stands', { timeout: patience(120_000) }, async () => {
    const readme = await readFile(join(project.directory, 'node_modules/@boxlite/sdk/README.md'), 'utf8');
    const [, example = ''] = /^## Plugins of your own\n.*?^```js\n(.*?)^```$/ms.exec(readme) ?? [];
    await writeFile(join(project.directory, 'readme.mjs'), example);
    const ended = await run(process.execPath, ['readme.mjs']);
    expect(ended).toEqual({ status: 0, stdout: 'emulated Linux\n\n', stderr: '' });
  });

  it('sees them in doctor, before and after the command', async () => {
    const { stdout } = await boxlite('--plugin', './custom-vmm', 'doctor', '--plugin', './custom-sandbox', '--json');
    expect(stdout).toMatch(/q35/);
    expect(stdout).toMatch(/unshare/);
    expect((await boxlite('doctor', '--json')).stdout).not.toMatch(/q35|custom-sandbox/);
  });

  it('keeps a box whose plugin is not loaded: it can be used and stopped, and starting it says which plugin and which flag', {
    timeout: patience(240_000),
  }, async () => {
    expect((await boxlite('create', '--name', 'keeper', '--vmm', 'q35', ...Q35)).status).toBe(0);
    expect(await boxlite('start', ...Q35, 'keeper')).toMatchObject({ status: 0, stderr: '' });
    expect(await boxlite('exec', 'keeper', 'sh', '-c', 'echo kept > /file; uname -r')).toMatchObject({
      status: 0,
      stdout: `${await kernelRelease()}\n`,
    });
    expect(await boxlite('stop', 'keeper')).toMatchObject({ status: 0, stderr: '' });

    const forgotten = await boxlite('start', 'keeper');
    expect(forgotten.status).toBe(1);
    const file = join(project.directory, 'custom-vmm/index.js');
    expect(forgotten.stderr).toContain(`needs the vmm plugin "q35" of ${file}, which is not loaded`);
    expect(forgotten.stderr).toContain(`--plugin ${file}`);

    const half = await boxlite('start', '--plugin', './custom-vmm', 'keeper');
    expect(half.stderr).toContain(
      'the vmm "q35" boots kernels of the kernel source "distribution", which is not loaded',
    );

    const again = await run(project.cli, ['exec', 'keeper', 'cat', '/file'], {
      BOXLITE_PLUGINS: ['custom-vmm', 'custom-kernel'].map((name) => join(project.directory, name)).join(':'),
    });
    expect(again).toEqual({ status: 0, stdout: 'kept\n', stderr: '' });
    expect((await boxlite('rm', '-f', 'keeper')).status).toBe(0);
  });

  it('is told what is wrong with a plugin, on the command line as in a program', async () => {
    const other = join(project.directory, 'other.mjs');
    const refused = async (text: string) => {
      await writeFile(other, text);
      const { status, stderr } = await boxlite('run', '--rm', '--plugin', './other.mjs', '--', 'true');
      expect(status).toBe(125);
      return stderr;
    };
    const plugin = `{ kind: 'vmm', id: 'x', specificationVersion: 'v7', probe() {}, create() {} }`;
    expect(await refused(`export default ${plugin};`)).toMatch(
      /plugin \.\/other\.mjs: vmm plugin "x" is made for version "v7" of its contract; this @boxlite\/core supports v2, and v1 through an adapter\n {2}hint: update @boxlite\/core/,
    );
    expect(await refused('export const nothing = 1;')).toMatch(/plugin \.\/other\.mjs: it exports no plugin/);
    expect(await refused('export default {')).toMatch(/cannot be imported: SyntaxError/);

    await copyFile(join(project.directory, 'custom-sandbox/index.js'), other);
    await chmod(other, 0o666);
    const { stderr } = await boxlite('ls', '--plugin', './other.mjs');
    expect(stderr).toMatch(/plugin \.\/other\.mjs: it is not safe to load: .*other\.mjs can be written by every user/);
    expect(stderr).toMatch(/hint: run "chmod o-w /);
  });

  it('checks its types against those of the packages', { timeout: patience(120_000) }, async () => {
    const typed = `
      import { Boxlite, type BoxOptions, defaultRegistry, loadPlugins } from '@boxlite/sdk';
      import type { Plugin, Sandbox, VmmHandler } from '@boxlite/core';
      import { sandboxConformance, vmmHandlerConformance } from '@boxlite/core/testing';
      import { createVmTestHome } from '@boxlite/sdk/testing';
      declare const vmm: Plugin<'vmm', VmmHandler>;
      declare const sandbox: Plugin<'sandbox', Sandbox>;
      const version: 'v2' = vmm.specificationVersion;
      const registry = defaultRegistry().register(vmm).register(sandbox);
      await loadPlugins(registry, ['./x']);
      const options: BoxOptions = { vmm: 'q35', sandbox: 'unshare' };
      const boxlite = await Boxlite.open({ registry, vmm: 'q35' });
      await boxlite.create(options);
      const home = await createVmTestHome({ registry });
      console.log(version, vmmHandlerConformance(home.vmmSetup(() => vmm.create(undefined))), sandboxConformance);
    `;
    await writeFile(join(project.directory, 'typed.ts'), typed);
    const tsc = join(REPOSITORY, 'node_modules/typescript/bin/tsc');
    const types = join(REPOSITORY, 'node_modules/@types');
    const flags = '--noEmit --strict --module nodenext --target es2023 --lib es2023,esnext.disposable --types node';
    const ended = promisify(execFile)(process.execPath, [tsc, ...flags.split(' '), '--typeRoots', types, 'typed.ts'], {
      cwd: project.directory,
    });
    await expect(ended).resolves.toMatchObject({ stdout: '' });
  });
});
