import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { patience } from '../support/patience.js';
import { runCli } from '../support/run-cli.js';
import { type TemporaryHome, temporaryHome } from '../support/temporary-home.js';

/** The last capability kernels of today know is 40. */
const EVERY_CAPABILITY = `${'0'.repeat(5)}1${'f'.repeat(10)}`;

describe('--privileged', () => {
  let home: TemporaryHome;
  beforeAll(async () => {
    home = await temporaryHome();
  });
  afterAll(() => home.end());

  const inBox = (script: string, ...flags: readonly string[]) =>
    runCli(['run', '--rm', ...flags, '--', 'sh', '-c', script], { home: home.home });
  const script =
    'grep CapEff /proc/self/status; mount -t tmpfs none /mnt 2> /dev/null && echo mounted; ls -d /dev/vda 2> /dev/null';

  it(
    'lets what runs in the box do whatever its machine can',
    async () => {
      const { stdout, stderr } = await inBox(
        `mkdir /mnt; ${script}; cat /sys/fs/cgroup/cgroup.controllers`,
        '--privileged',
      );
      expect(stderr).toBe('');
      const [capabilities, mounted, device, controllers] = stdout.toString().split('\n');
      expect([capabilities, mounted, device]).toEqual([`CapEff:\t${EVERY_CAPABILITY}`, 'mounted', '/dev/vda']);
      expect(controllers?.split(' ')).toEqual(expect.arrayContaining(['cpu', 'io', 'memory', 'pids']));
    },
    patience(30_000),
  );

  it(
    "without it the container has Docker's capabilities, mounts nothing and sees no disk",
    async () => {
      const { stdout } = await inBox(`mkdir /mnt; ${script}; true`);
      expect(stdout.toString()).toBe('CapEff:\t00000000a80425fb\n');
    },
    patience(30_000),
  );

  it(
    'is part of the box: a box that was created with it has it at every start',
    async () => {
      const created = await runCli(['create', '--privileged', '--name', 'engine'], { home: home.home });
      expect(created.stderr).toBe('');
      for (const _start of [1, 2]) {
        const { stdout } = await runCli(['exec', 'engine', '--', 'grep', 'CapEff', '/proc/self/status'], {
          home: home.home,
        });
        expect(stdout.toString()).toBe(`CapEff:\t${EVERY_CAPABILITY}\n`);
        await runCli(['stop', 'engine'], { home: home.home });
      }
      await runCli(['rm', 'engine'], { home: home.home });
    },
    patience(60_000),
  );
});
