import assert from 'node:assert/strict';
import { deepFreeze } from '../deep-freeze.js';
import type { RuledCases } from '../define-cases.js';
import { eventuallyNone } from '../eventually.js';
import { exists } from '../exists.js';
import { rejectsWith } from '../rejects-with.js';
import { newProcesses, surroundings } from '../surroundings.js';
import type { SandboxBench } from './sandbox-bench.js';

/** What a confined command is given besides files. */
export const commandCases: RuledCases<SandboxBench> = {
  'False: the command must have no network but its unix sockets': {
    'with network a port of the host can be reached': async ({ shell }) => {
      const { createServer } = await import('node:net');
      const server = createServer((socket) => socket.end('reached'));
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      const address = server.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      try {
        assert.equal((await shell({ networkEnabled: true }, `b nc -w 5 127.0.0.1 ${port}`)).stdout, 'reached');
      } finally {
        await new Promise((resolve) => server.close(resolve));
      }
    },
    'without network there is no interface but an idle loopback, and no host port can be reached': async ({
      shell,
    }) => {
      const { createServer } = await import('node:net');
      const server = createServer((socket) => socket.end('reached'));
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      const address = server.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      try {
        const result = await shell({ networkEnabled: false }, `b nc -w 2 127.0.0.1 ${port}; echo ran`);
        assert.equal(result.stdout, 'ran\n', result.stderr);
      } finally {
        await new Promise((resolve) => server.close(resolve));
      }
    },
  },
  "The complete environment; nothing of the host's is added": {
    'the environment is what the command was given, nothing of the host': async ({ confine }) => {
      const result = await confine({}, ['env'], { ONE: '1', WITH_SPACE: 'a b', LD_PRELOAD: '' });
      const variables = result.stdout.split('\n').filter((line) => line !== '' && line !== 'PWD=/');
      assert.deepEqual(variables.sort(), ['LD_PRELOAD=', 'ONE=1', 'WITH_SPACE=a b'], result.stderr);
    },
  },
  "A command before confinement. `args` excludes the program's own name": {
    'arguments arrive unchanged, whatever characters they hold': async ({ shell }) => {
      const odd = ['', ' ', '--bind', '/', 'a\nb', '"\'`$(id)', '\u00e9\u{1f4a9}', '--'];
      const result = await shell({}, 'for a in "$@"; do echo "[$a]"; done', ...odd);
      assert.equal(result.stdout, odd.map((argument) => `[${argument}]\n`).join(''), result.stderr);
    },
    'the exit status of the command is passed on': async ({ shell }) => {
      assert.equal((await shell({}, 'exit 37')).code, 37);
    },
  },
  'it never refuses, also for a binary that does not exist yet': {
    'apply never refuses, also for a binary that does not exist': async ({ setup, contextOf, run }) => {
      const command = setup.create().apply(contextOf({}), { binary: '/not/there', args: [], env: {} });
      const [outcome] = await Promise.allSettled([run(command)]);
      // Without a wrapper it is the spawn that fails.
      if (outcome.status === 'fulfilled') assert.notEqual(outcome.value.code, 0, 'it ran');
    },
  },
  'How the supervisor learns the host pid of the real command when a wrapper forks it': {
    'the pid report names a process of the host': async ({ shell }) => {
      const result = await shell({}, 'true');
      assert.ok(result.reportedPid > 1, `reported ${result.reportedPid}`);
    },
  },
  "The ids the command sees itself as; the sandbox's own choice when absent": {
    'the ids asked for are the ones the command sees': async ({ shellUnlessRefused }) => {
      const result = await shellUnlessRefused('ids', { runAs: { uid: 4321, gid: 8765 } }, 'b id -u; b id -g');
      if (result === undefined) return;
      assert.equal(result.stdout, '4321\n8765\n', result.stderr);
    },
  },
  'Device nodes beyond null, zero, random and urandom: `/dev/kvm`, `/dev/net/tun`': {
    'null, zero, random and urandom are there and work; devices of the host are not': async ({ shell }) => {
      const script =
        'echo x > /dev/null && for d in zero random urandom; do b head -c 3 /dev/$d | b wc -c; done; b ls -A /dev';
      const { stdout, stderr } = await shell({}, script);
      const [zero, random, urandom, ...names] = stdout.trim().split('\n');
      assert.deepEqual([zero, random, urandom], ['3', '3', '3'], stderr);
      const strangers = names.filter((name) =>
        /^(kvm|mem|kmsg|port|[shv]d[a-z]|nvme|loop|dm-|fuse|net|vhost)/.test(name),
      );
      assert.deepEqual(strangers, [], 'devices nobody asked for');
    },
    'a device that was asked for is there': async ({ shell }) => {
      const { stdout, stderr } = await shell({ devices: ['/dev/full'] }, 'echo x > /dev/full || b ls /dev/full');
      assert.equal(stdout, '/dev/full\n', stderr);
    },
  },
  'a sandbox that cannot honour one that is present must refuse in `setup`, never ignore it': {
    'a profile of another platform is refused in setup with sandbox_unavailable': async ({ setup, contextOf }) => {
      if (process.platform === 'darwin') return;
      const sandbox = setup.create();
      await sandbox.isAvailable();
      const error = await rejectsWith(
        sandbox.setup(contextOf({ sandboxProfile: '/nonexistent.sb' })),
        'sandbox_unavailable',
      );
      assert.ok(error.hint !== undefined, 'the hint says what to do');
    },
  },
  '`apply(context, command)` is pure with respect to the host': {
    'apply gives the same for the same, and writes to neither': async ({ setup, contextOf }) => {
      const sandbox = setup.create();
      const context = deepFreeze(contextOf({ paths: [{ path: '/srv', writable: false }] }));
      const command = deepFreeze({ binary: setup.busybox, args: ['true'], env: { A: 'b' } });
      assert.deepEqual(sandbox.apply(context, command), sandbox.apply(context, command));
    },
  },
  '`teardown(context)`, if present, removes what `setup` made once the command has ended': {
    'a cgroup that setup made is there until teardown, which may be called twice': async ({ setup, contextOf }) => {
      const sandbox = setup.create();
      const context = contextOf({ id: `conformance-${process.pid}` });
      await sandbox.isAvailable();
      const { cgroupDir, degradations } = await sandbox.setup(context);
      assert.ok(
        degradations.every((sentence) => sentence.length > 0),
        'a degradation is a sentence',
      );
      if (cgroupDir !== undefined) assert.ok(await exists(cgroupDir), `${cgroupDir} does not exist`);
      await sandbox.teardown?.(context);
      if (cgroupDir !== undefined) assert.ok(!(await exists(cgroupDir)), `${cgroupDir} is left`);
      await sandbox.teardown?.(context);
    },
  },
  'it may spawn a probe and must leave nothing behind': {
    'isAvailable, asked twice at once, says yes and leaves no process': async ({ setup }) => {
      const before = surroundings();
      const sandbox = setup.create();
      const answers = await Promise.all([sandbox.isAvailable(), sandbox.isAvailable()]);
      assert.deepEqual(
        answers.map(({ available }) => available),
        [true, true],
      );
      await eventuallyNone(() => newProcesses(before), 'processes are left');
    },
  },
};
