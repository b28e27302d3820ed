import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { seccompFilter } from '../../packages/jailer/src/seccomp/seccomp-filter.js';
import { landlockRules } from '../../packages/jailer-landlock/src/landlock-rules.js';
import { encodeLaunchConfig } from '../../packages/supervisor/src/launch-config.js';
import { arm64MachineObstacle } from '../toolchain/arm64-machine.mjs';
import { ensureArm64Sysroot } from '../toolchain/arm64-sysroot.mjs';
import { runInArm64Machine } from '../toolchain/run-in-arm64-machine.mjs';
import { buildObstacle, buildSet } from './build-set.mjs';
import { packageDirectory, ROOT } from './platform-set.mjs';
import { releaseVersion } from './release-version.mjs';

const TARGET = 'linux-arm64';
const obstacle = buildObstacle(TARGET) ?? ensureArm64Sysroot() ?? arm64MachineObstacle();

describe.skipIf(obstacle !== undefined)(`on an arm64 machine with KVM (${obstacle ?? 'emulated'})`, () => {
  const work = mkdtempSync(join(tmpdir(), 'boxlite-arm64-'));
  const set = join(work, 'package');
  const program = (name: string) => readFileSync(join(set, 'bin', name));
  beforeAll(() => {
    mkdirSync(set);
    copyFileSync(join(packageDirectory(TARGET), 'package.json'), join(set, 'package.json'));
    buildSet(TARGET, set, releaseVersion());
  }, 300_000);
  afterAll(() => rmSync(work, { recursive: true }));

  it('the probe runs its guest and finds KVM usable', () => {
    const said = JSON.parse(runInArm64Machine('/kvm-probe', { 'kvm-probe': program('kvm-probe') }));
    expect(said).toMatchObject({ step: 'done', errno: 0, apiVersion: 12 });
    expect(Object.values(said.checks)).not.toEqual([]);
    for (const passed of Object.values(said.checks)) expect(passed).toBe(true);
  });

  it('stage B drops privileges, Landlock hides what was not granted, and the filter denies system calls', () => {
    const context = {
      id: 'arm64',
      paths: [
        ...['/bin/busybox', '/boxlite-stage-b'].map((path) => ({ path, writable: false })),
        { path: '/tmp/w', writable: true },
      ],
      resourceLimits: {},
      networkEnabled: false,
    };
    const script = `
      mkdir /tmp/w /hidden; chmod 777 /tmp/w /hidden; echo secret > /hidden/file
      echo 'b() { /bin/busybox "$@"; }
        b id; echo x > /tmp/w/new && echo written
        b cat /hidden/file || echo hidden
        b cp /bin/busybox /tmp/w/mine; /tmp/w/mine true || echo not run
        b chroot / true || echo no chroot
        b mount -t tmpfs t /tmp/w || echo no mount
        b unshare -U true || echo no namespace
        exit 7' > /inside
      /boxlite-landlock --rules 6 -- /boxlite-stage-b --gid 5678 --uid 1234 --seccomp 5 --keep-from 10 \\
        -- /bin/busybox sh -c "$(cat /inside)" 5< /filter 6< /rules 2> /dev/null
      echo "status $?"`;
    const written = runInArm64Machine(script, {
      'boxlite-landlock': program('boxlite-landlock'),
      'boxlite-stage-b': program('boxlite-stage-b'),
      filter: seccompFilter({ networkEnabled: false, architecture: 'arm64' }),
      rules: landlockRules(context),
    });
    expect(written.trim().split('\n')).toEqual([
      ...['uid=1234 gid=5678', 'written', 'hidden', 'not run', 'no chroot', 'no mount', 'no namespace', 'status 7'],
    ]);
  });

  it('the supervisor, confined by its own filter, runs a child from its start to its exit record', () => {
    const launcher = join(work, 'launcher');
    const source = join(ROOT, 'scripts/platform-packages/launch-supervisor.c');
    execFileSync('aarch64-linux-gnu-gcc', ['-static', '-Wall', '-Werror', '-O1', '-s', '-o', launcher, source]);
    const config = encodeLaunchConfig({
      boxId: 'arm64',
      command: {
        binary: '/bin/busybox',
        args: ['sh', '-c', 'ulimit -n; cat /proc/self/cgroup; echo "no such disk" >&2; exit 3'],
        env: {},
        pidReport: { kind: 'self' },
        cgroupDir: '/sys/fs/cgroup/box',
        rlimits: { maxOpenFiles: 64 },
      },
      agentSocket: '/box/sockets/box.sock',
      controlDir: '/box/control',
      pidFile: '/box/shim.pid',
      stderrFile: '/box/shim.stderr',
      exitFile: '/box/exit',
      consoleFile: '/box/logs/console.log',
      consoleMaxBytes: 65_536,
      detached: true,
    });
    const script = `
      mkdir -p /box/control /box/sockets /box/logs /sys/fs/cgroup/box; : > /box/shim.stderr
      /launcher /boxlite-supervisor /config
      cat /box/exit; echo; cat /box/logs/console.log; cat /box/shim.stderr; ls /box/sockets /sys/fs/cgroup | grep -x box`;
    const written = runInArm64Machine(`${script}; true`, {
      'boxlite-supervisor': program('boxlite-supervisor'),
      launcher: readFileSync(launcher),
      config,
    });
    const [status, end, exit, ...rest] = written
      .trim()
      .split('\n')
      .filter((line) => line !== '');
    expect(JSON.parse(status ?? '')).toMatchObject({ event: 'started' });
    expect(end).toBe('supervisor ended with status 0 after a welcome');
    expect(JSON.parse(exit ?? '')).toEqual({
      kind: 'Error',
      code: 3,
      message: 'the VMM exited with status 3: no such disk',
      stderrTail: 'no such disk\n',
    });
    expect(rest).toEqual(expect.arrayContaining(['64', '0::/box', 'no such disk']));
  });
});
