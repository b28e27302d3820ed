import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { FrameType, type SuperviseRequest } from '@boxlite/core';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createSupervisor, parsePidRecord } from '../src/index.js';
import { FrameInbox } from './support/frame-inbox.js';
import { buildNative, fixtureVmm } from './support/native-build.js';
import { gone, isRunning, processesWith } from './support/processes.js';
import { runningUsers } from './support/running-users.js';
import { TestBox } from './support/test-box.js';

beforeAll(() => buildNative('all', 'fixtures'));

describe.each(runningUsers)('under the real bubblewrap as $name', ({ supervisorBinary, owner }) => {
  const supervisor = createSupervisor({ binary: supervisorBinary() });
  let box: TestBox;

  beforeEach(() => {
    box = new TestBox(owner);
  });
  afterEach(() => {
    expect(processesWith(box.dir)).toEqual([]);
    box.remove();
  });

  function wrapped(steps: readonly string[], changes: Partial<SuperviseRequest> = {}): SuperviseRequest {
    const view = [
      '--ro-bind',
      fixtureVmm,
      '/vmm',
      '--bind',
      `${box.dir}/sockets`,
      `${box.dir}/sockets`,
      '--proc',
      '/proc',
    ];
    const isolation = ['--unshare-all', '--die-with-parent', '--info-fd', '11', '--block-fd', '12'];
    return box.request([], {
      command: {
        binary: '/usr/bin/bwrap',
        args: [...isolation, ...view, '--ro-bind', `${box.dir}`, '/box', '/vmm', ...steps],
        env: {},
        pidReport: { kind: 'bubblewrap', infoFd: 11, blockFd: 12 },
      },
      ...changes,
    });
  }

  it('records the host pid of the process inside, relays, and stops through the agent', async () => {
    const vm = await supervisor.launch(wrapped(box.agent));
    const inbox = new FrameInbox(vm.channel);
    expect(await inbox.text(FrameType.HELLO)).toBe('hi');
    expect(parsePidRecord(box.read(box.pidFile))?.vmm).toEqual(vm.welcome.vmm);
    expect(isRunning(vm.welcome.vmm.pid)).toBe(true);
    expect(await vm.stop(5000)).toEqual({ kind: 'Clean', reason: 'shutdown' });
    await gone(vm.welcome.supervisor.pid);
    expect(existsSync(box.exitFile)).toBe(false);
  });

  it('is held by bubblewrap until the record is on disk', async () => {
    const request = wrapped([]);
    const args = [...request.command.args.slice(0, request.command.args.indexOf('/vmm', 12))];
    const vm = await supervisor.launch({
      ...request,
      command: {
        ...request.command,
        args: [
          ...args,
          '--ro-bind',
          '/bin',
          '/bin',
          '--ro-bind',
          '/lib',
          '/lib',
          '--ro-bind',
          '/lib64',
          '/lib64',
          '/bin/cat',
          '/box/shim.pid',
        ],
      },
    });
    expect(await vm.wait()).toEqual({ kind: 'Clean', reason: 'guest' });
    expect(parsePidRecord(box.read(box.consoleFile))?.vmm).toEqual(vm.welcome.vmm);
    await gone(vm.welcome.supervisor.pid);
  });

  it('tells a signal from the status bubblewrap passes on', async () => {
    const vm = await supervisor.launch(wrapped(['err', 'about to crash', 'signal', '11']));
    expect(await vm.wait()).toMatchObject({ kind: 'Signal', signal: 11, stderrTail: 'about to crash\n' });
    await gone(vm.welcome.supervisor.pid);
  });

  it('lets nobody but root look into the supervisor, whose user a VMM that escapes may be', async () => {
    const vm = await supervisor.launch(wrapped(box.agent));
    const look = (...names: string[]) => {
      const paths = names.map((name) => `/proc/${vm.welcome.supervisor.pid}/${name}`);
      return spawnSync('setpriv', ['--reuid=65534', '--regid=65534', '--clear-groups', 'cat', ...paths], {
        encoding: 'utf8',
      });
    };
    if (owner !== undefined) {
      expect(look('maps', 'environ', 'mem').stderr.match(/Permission denied/g)).toHaveLength(3);
      expect(look('stat').status).toBe(0);
    }
    await vm.kill();
    await gone(vm.welcome.supervisor.pid);
  });

  it('ends every process of the box when the supervisor is killed', async () => {
    const vm = await supervisor.launch(wrapped(['orphan', ...box.agent]));
    const inbox = new FrameInbox(vm.channel);
    await inbox.next(FrameType.HELLO);
    process.kill(vm.welcome.supervisor.pid, 'SIGKILL');
    expect(await vm.wait()).toMatchObject({ kind: 'Error', message: expect.stringContaining('supervisor was lost') });
    await gone(vm.welcome.vmm.pid);
  });

  it('names the step "sandbox", with what bubblewrap said, when the sandbox cannot be set up', async () => {
    const request = wrapped([]);
    const command = { ...request.command, args: ['--info-fd', '11', '--block-fd', '12', '--no-such-option', '/vmm'] };
    await expect(supervisor.launch({ ...request, command })).rejects.toMatchObject({
      code: 'vmm_failed',
      details: { step: 'sandbox', stderrTail: expect.stringContaining('--no-such-option') },
    });
  });
});
