import { createHash } from 'node:crypto';
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type AgentClient, createAgentClient } from '@boxlite/guest-agent';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { finish } from '../../packages/guest-agent/test/support/box.js';
import { makeBusyboxDisk, makeGuestRootfs } from '../../packages/guest-agent/test/support/disks.js';
import { type BootedAgent, bootAgent } from '../../test/support/boot-agent.js';
import { arm64AgentMachine } from '../toolchain/arm64-agent-machine.mjs';
import { arm64MachineFiles, arm64MachineObstacle } from '../toolchain/arm64-machine.mjs';
import { ensureArm64Sysroot } from '../toolchain/arm64-sysroot.mjs';
import { buildObstacle, makeNative } from './build-set.mjs';
import { ROOT } from './platform-set.mjs';

const obstacle = buildObstacle('linux-arm64') ?? ensureArm64Sysroot() ?? arm64MachineObstacle();

describe.skipIf(obstacle !== undefined)(
  `the arm64 agent as init of an arm64 machine (${obstacle ?? 'emulated'})`,
  () => {
    const work = mkdtempSync(join(tmpdir(), 'boxlite-arm64-agent-'));
    let vm: BootedAgent;
    let client: AgentClient;

    beforeAll(async () => {
      makeNative('guest-agent', 'build-arm64', ['ARCH=arm64']);
      const agent = join(ROOT, 'packages/guest-agent/native/build-arm64/boxlite-guest');
      const { busybox } = arm64MachineFiles();
      const [rootfs, disk] = [join(work, 'rootfs.ext4'), join(work, 'disk.ext4')];
      await makeGuestRootfs(join(work, 'rootfs'), rootfs, { 'boxlite-guest': agent });
      await makeBusyboxDisk(join(work, 'disk'), disk, {
        decorate: async (root) => copyFileSync(busybox, join(root, 'bin/busybox')),
      });
      vm = await bootAgent({ rootfs, disk, machine: arm64AgentMachine(join(work, 'initrd')) });
      client = createAgentClient(vm.channel());
      await client.init({ hostname: 'arm', env: { FROM_INIT: '1' } });
    }, 90_000);
    afterAll(async () => {
      await vm?.[Symbol.asyncDispose]();
      rmSync(work, { recursive: true });
    });
    const sh = async (line: string, more = {}) => finish(await client.exec({ argv: ['sh', '-c', line], ...more }));

    it('says hello as aarch64 and makes the container', async () => {
      expect(await client.hello).toMatchObject({ architecture: 'aarch64', generation: 1 });
      expect(await sh('uname -m; hostname; echo $FROM_INIT; echo err >&2; exit 7')).toMatchObject({
        exitCode: 7,
        stdout: 'aarch64\narm\n1\n',
        stderr: 'err\n',
      });
    });

    it('joins the namespaces and the user in a child made by a bare clone3', async () => {
      expect(
        await sh('id; pwd; readlink /proc/self/ns/mnt > /tmp/a; cat /proc/1/comm', { user: 'alice', cwd: '/tmp' }),
      ).toMatchObject({
        exitCode: 0,
        stdout: expect.stringMatching(/^uid=1000\(alice\) gid=1000\(alice\) groups=.*\n\/tmp\n/),
      });
      await expect(client.exec({ argv: ['/no/such/program'] })).rejects.toMatchObject({ code: 'command_not_found' });
      await expect(client.exec({ argv: ['true'], cwd: '/no/such' })).rejects.toMatchObject({ code: 'cwd_not_found' });
    });

    it('keeps every byte of a long stream in both directions', async () => {
      const execution = await client.exec({ argv: ['sh', '-c', 'tee /dev/stderr | sha256sum'], stdin: true });
      const bytes = Buffer.alloc(1_000_000, 'arm64 ');
      const [result] = await Promise.all([finish(execution), writeAll(execution, bytes)]);
      expect(result.stdout).toContain(createHash('sha256').update(bytes).digest('hex'));
      expect(result.stderr.length).toBe(bytes.length);
    });

    it('runs many commands at once, kills one, and gives one a terminal', async () => {
      const results = await Promise.all(Array.from({ length: 10 }, (_, index) => sh(`echo ${index}; exit ${index}`)));
      expect(results.map(({ exitCode, stdout }) => [exitCode, stdout.trim()])).toEqual(
        Array.from({ length: 10 }, (_, index) => [index, String(index)]),
      );
      const sleeper = await client.exec({ argv: ['sleep', '100'] });
      await sleeper.signal(9);
      expect(await sleeper.wait()).toMatchObject({ signal: 9 });
      const terminal = await finish(await client.exec({ argv: ['stty', 'size'], tty: { rows: 33, cols: 99 } }));
      expect(terminal.stdout).toBe('33 99\r\n');
    });
  },
);

async function writeAll(execution: Awaited<ReturnType<AgentClient['exec']>>, bytes: Uint8Array): Promise<void> {
  await execution.stdin.write(bytes);
  await execution.stdin.end();
}
