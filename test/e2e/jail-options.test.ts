import { execFile } from 'node:child_process';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { BoxInfo, JailLayer } from '@boxlite/sdk';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CLI, runCli } from '../support/run-cli.js';
import { type TemporaryHome, temporaryHome } from '../support/temporary-home.js';

const run = promisify(execFile);
/** Those that are kept to be inspected. */
const BOXES = ['jailed', 'bare', 'configured', 'flagged', 'limited', 'best'];
/** A directory of programs in which there is a VMM and no bubblewrap. */
let withoutBwrap: string;
let home: TemporaryHome;

beforeAll(async () => {
  home = await temporaryHome();
  withoutBwrap = join(home.home, 'bin');
  await mkdir(withoutBwrap);
  for (const program of ['qemu-system-x86_64', 'qemu-system-aarch64']) {
    await symlink(`/usr/bin/${program}`, join(withoutBwrap, program));
  }
});
afterAll(async () => {
  await cli('rm', '-f', ...BOXES);
  await home.end();
});

const cli = (...args: string[]) => runCli(args, { home: home.home });
const inspect = async (box: string) =>
  (JSON.parse((await cli('inspect', box)).stdout.toString()) as BoxInfo[])[0] as BoxInfo;
const stateOf = (layers: readonly JailLayer[]) => Object.fromEntries(layers.map(({ name, state }) => [name, state]));

describe('the jail of a box', () => {
  it('is told by inspect, layer by layer, while it runs and as that of the last start afterwards', async () => {
    expect((await cli('create', '--name', 'jailed')).status).toBe(0);
    expect((await inspect('jailed')).jail).toBeNull();
    expect((await cli('start', 'jailed')).status).toBe(0);
    const { jail } = await inspect('jailed');
    expect(jail).toMatchObject({ current: true, sandbox: expect.stringContaining('bwrap') });
    const states = stateOf(jail?.layers ?? []);
    expect(states).toMatchObject({ descriptors: 'active', rlimits: 'active', namespaces: 'active', view: 'active' });
    // Under the policy of its VMM, as every box of these tests is; the deny-list would be `partial`.
    expect(jail?.layers.find(({ name }) => name === 'seccomp')).toMatchObject({
      state: 'active',
      detail: expect.stringMatching(/^allow-list (qemu|libkrun-shim): /),
    });
    expect(Object.keys(states)).toEqual([
      ...['descriptors', 'rlimits', 'cgroup', 'namespaces', 'view', 'privileges', 'landlock', 'seccomp'],
    ]);
    for (const { detail } of jail?.layers ?? []) expect(detail).toMatch(/^[^\n]{3,}$/);
    expect((await cli('stop', 'jailed')).status).toBe(0);
    expect((await inspect('jailed')).jail).toEqual({ ...jail, current: false });
  });

  it('that is off is warned of, and told by inspect', async () => {
    const { status, stdout, stderr } = await cli(
      'run',
      '--name',
      'bare',
      '--security',
      'disable',
      '--',
      'echo',
      'bare',
    );
    expect({ status, stdout: stdout.toString() }).toEqual({ status: 0, stdout: 'bare\n' });
    expect(stderr).toContain('UNCONFINED');
    expect((await inspect('bare')).jail).toEqual({ sandbox: 'none', current: false, layers: [] });
  });

  it('is as the configuration file says, where no flag says otherwise', async () => {
    const config = join(home.home, 'config.json');
    await writeFile(config, JSON.stringify({ security: { jailer: 'off', maxOpenFiles: 444 } }));
    const configured = await cli('--config', config, 'run', '--name', 'configured', '--', 'true');
    expect(configured.status).toBe(0);
    expect(configured.stderr).toContain('UNCONFINED');
    const jailed = await cli('--config', config, 'run', '--name', 'flagged', '--jailer', 'required', '--', 'true');
    expect(jailed).toMatchObject({ status: 0, stderr: '' });
    const layers = (await inspect('flagged')).jail?.layers ?? [];
    expect(layers.find(({ name }) => name === 'rlimits')?.detail).toMatch(/^444 open files/);
    await writeFile(config, JSON.stringify({ security: { jailer: 'on' } }));
    const wrong = await cli('--config', config, 'run', '--', 'true');
    expect(wrong.status).toBe(125);
    expect(wrong.stderr).toContain('security.jailer');
  });

  it('has the limits that were asked for', async () => {
    const limits = ['--limit', 'open-files=333', '--limit', 'file-size=20g', '--pids-limit', '300'];
    expect((await cli('run', '--rm', ...limits, '--', 'true')).status).toBe(0);
    expect((await cli('run', '--name', 'limited', ...limits, '--', 'true')).status).toBe(0);
    const layers = (await inspect('limited')).jail?.layers ?? [];
    expect(layers.find(({ name }) => name === 'rlimits')?.detail).toMatch(/^333 open files, files of 20 GiB/);
  });
});

describe('a jail that is wanted and cannot be had', () => {
  const withoutIt = (...args: string[]) =>
    runCli(args, { home: home.home, env: { PATH: withoutBwrap, BOXLITE_VMM: 'qemu' } });

  it('is refused with the missing piece and its remedy, and nothing runs', async () => {
    const { status, stdout, stderr } = await withoutIt('run', '--rm', '--', 'echo', 'ran');
    expect({ status, stdout: stdout.toString() }).toEqual({ status: 125, stdout: '' });
    expect(stderr).toContain('bubblewrap is not installed (no bwrap on PATH)');
    expect(stderr).toContain('apt install bubblewrap');
    expect(stderr).not.toContain('UNCONFINED');
  });

  it('is gone without when best effort is asked for: the missing piece is warned of, the other layers are there', async () => {
    const { status, stdout, stderr } = await withoutIt(
      ...['run', '--name', 'best', '--jailer', 'best-effort', '--', 'echo', 'ran'],
    );
    expect({ status, stdout: stdout.toString() }).toEqual({ status: 0, stdout: 'ran\n' });
    expect(stderr).toContain('bubblewrap is not installed (no bwrap on PATH)');
    const states = stateOf((await inspect('best')).jail?.layers ?? []);
    expect(states).toMatchObject({
      descriptors: 'active',
      rlimits: 'active',
      namespaces: 'inactive',
      view: 'inactive',
    });
    expect(states.seccomp).not.toBe('inactive');
  });

  it('is refused for real where no user namespace may be made, with the setting to change and how to keep it', async () => {
    // The setting is one of each user namespace, and root of one may lower it: bubblewrap fails as on a host that is set so.
    const lowered = 'echo 0 > /proc/sys/user/max_user_namespaces && exec "$@"';
    const refused = await run(
      'unshare',
      [
        '--user',
        '--map-root-user',
        'sh',
        '-c',
        lowered,
        'sh',
        process.execPath,
        CLI,
        'run',
        '--rm',
        '--',
        'echo',
        'ran',
      ],
      { env: { PATH: process.env.PATH, HOME: home.home, BOXLITE_HOME: home.home } },
    ).catch((thrown: { code: number; stdout: string; stderr: string }) => thrown);
    expect(refused).toMatchObject({ code: 125, stdout: '' });
    expect(refused.stderr).toContain('user.max_user_namespaces=0');
    expect(refused.stderr).toContain('sudo sysctl -w user.max_user_namespaces=15000');
    expect(refused.stderr).toContain('/etc/sysctl.d/60-boxlite.conf');
  });
});

describe('boxlite doctor --apparmor-profile', () => {
  it('prints the profile alone on stdout, to be piped where only root writes, and the commands on stderr', async () => {
    const { status, stdout, stderr } = await cli('doctor', '--apparmor-profile');
    expect(status).toBe(0);
    expect(stdout.toString()).toMatch(
      /\nprofile boxlite-bwrap "\/usr\/bin\/bwrap" flags=\(unconfined\) \{\n {2}userns,\n/,
    );
    expect(stderr).toBe(
      'boxlite doctor --apparmor-profile | sudo tee /etc/apparmor.d/boxlite-bwrap\nsudo apparmor_parser -r /etc/apparmor.d/boxlite-bwrap\n',
    );
  });
});
