import assert from 'node:assert/strict';
import type { Jail } from '../contracts/jail.js';
import type { JailCommand, ResourceLimits, Sandbox } from '../contracts/sandbox.js';
import { BoxliteError } from '../errors/boxlite-error.js';
import type { ConformanceCase } from './conformance-case.js';
import { deepFreeze } from './deep-freeze.js';
import { defineCases, type RuledCases } from './define-cases.js';
import { recordingSandbox, WRAPPER, WRAPPER_FD } from './jail/recording-sandbox.js';
import { rejectsWith } from './rejects-with.js';

/** What a jail is made of for a case. */
export interface JailParts {
  readonly sandbox: Sandbox;
  /** A path to grant. */
  readonly path: string;
  readonly resourceLimits: ResourceLimits;
}

/** What {@link jailConformance} works on. */
export interface JailSetup {
  /** A jail of one box over the sandbox given, confining. Where it makes cgroups itself, none in these cases. */
  create(parts: JailParts): Jail;
  /** The jail that was switched off, over the same. */
  createOff(parts: JailParts): Jail;
}

interface JailBench {
  readonly sandbox: ReturnType<typeof recordingSandbox>;
  readonly jail: Jail;
  /** Another jail, over a sandbox that is as given. */
  over(parts: Parameters<typeof recordingSandbox>[0]): Omit<JailBench, 'over' | 'off'>;
  off(): Jail;
}

const PATH = '/srv/conformance';
const COMMAND: JailCommand = deepFreeze({
  binary: '/not/there/yet',
  args: ['-x', '', 'a b'],
  env: { A: 'b', EMPTY: '' },
});
const LIMITS: ResourceLimits = { maxOpenFiles: 256, maxCpuTime: 60 };

/** What every {@link Jail} does, over any {@link Sandbox}: a recording one stands in for the platform's. */
export function jailConformance(setup: JailSetup): ConformanceCase[] {
  const over: JailBench['over'] = (parts) => {
    const sandbox = recordingSandbox(parts);
    return { sandbox, jail: setup.create({ sandbox, path: PATH, resourceLimits: LIMITS }) };
  };
  return defineCases<JailBench>(
    {
      contract: 'Jail',
      async around(check) {
        const bench = over({});
        const off = () => setup.createOff({ sandbox: bench.sandbox, path: PATH, resourceLimits: LIMITS });
        await check({ ...bench, over, off });
      },
    },
    cases,
  );
}

const cases: RuledCases<JailBench> = {
  "it is a no-op when confinement is off, else the sandbox's `setup`": {
    'prepare sets the sandbox up, each time, and waits for it': async ({ jail, sandbox }) => {
      for (const times of [1, 2]) {
        await jail.prepare();
        assert.equal(sandbox.calls.filter((call) => call === 'setup done').length, times);
        await jail.release();
      }
    },
    'the sandbox is told the box, its paths and its limits, the same at setup and at each command': async ({
      jail,
      sandbox,
    }) => {
      await jail.prepare();
      jail.command(COMMAND);
      const [context] = sandbox.setups;
      assert.notEqual(context?.id ?? '', '');
      assert.ok(
        context?.paths.some(({ path, writable }) => path === PATH && writable),
        'the path is granted',
      );
      assert.equal(context?.resourceLimits.maxOpenFiles, LIMITS.maxOpenFiles);
      assert.deepEqual(sandbox.applied[0]?.context, context);
    },
    'a jail that is off asks the sandbox nothing, and the command is bare': async ({ off, sandbox }) => {
      const jail = off();
      assert.deepEqual(await jail.prepare(), []);
      const { binary, args, env, pidReport } = jail.command(COMMAND);
      assert.deepEqual({ binary, args, env, pidReport }, { ...COMMAND, pidReport: { kind: 'self' } });
      await jail.release();
      assert.deepEqual([sandbox.calls, sandbox.applied], [[], []]);
    },
  },
  'The sandbox in use, or `none`': {
    'the name is the sandbox\u2019s; none when it is off': async ({ jail, off, sandbox }) => {
      assert.deepEqual([jail.name, off().name], [sandbox.name, 'none']);
    },
  },
  'Resolves to what had to be given up, each a sentence (empty in the best case)': {
    'what the sandbox had to give up is told': async ({ jail, over }) => {
      assert.deepEqual(await jail.prepare(), [], 'nothing was given up');
      const degraded = 'memory is not limited: there is no cgroup';
      assert.deepEqual(await over({ degradations: [degraded] }).jail.prepare(), [degraded]);
    },
  },
  'What confines the command, as `prepare` found it; empty before it, and for a jail that is off': {
    'layers are told by prepare, each once and in one line, and none before it or when it is off': async ({
      jail,
      off,
    }) => {
      assert.deepEqual(jail.layers ?? [], [], 'told before anybody looked');
      await jail.prepare();
      const layers = jail.layers ?? [];
      assert.equal(new Set(layers.map(({ name }) => name)).size, layers.length, 'a layer is told twice');
      for (const { name, detail } of layers) assert.match(detail, /^\P{C}+$/u, `the detail of ${name} is no line`);
      const bare = off();
      await bare.prepare();
      assert.deepEqual(bare.layers ?? [], []);
    },
  },
  'It refuses here, with `sandbox_unavailable`, and only here': {
    'prepare refuses where the sandbox is not available, with reason and remedy, and does not set it up': async ({
      over,
    }) => {
      const { jail, sandbox } = over({ unavailable: { reason: 'no user namespaces', remedy: 'turn them on' } });
      const error = await rejectsWith(jail.prepare(), 'sandbox_unavailable');
      assert.match(error.message, /no user namespaces/);
      assert.equal(error.hint, 'turn them on');
      assert.ok(!sandbox.calls.includes('setup'), 'the sandbox was set up');
    },
    'prepare passes on the refusal of the setup': async ({ over }) => {
      const error = await rejectsWith(over({ refusal: 'cannot mask /srv' }).jail.prepare(), 'sandbox_unavailable');
      assert.match(error.message, /cannot mask \/srv/);
    },
    'command works also after a refusal, and still confines': async ({ over }) => {
      const { jail } = over({ unavailable: { reason: 'none', remedy: 'none' } });
      await assert.rejects(jail.prepare(), BoxliteError.isInstance);
      assert.equal(jail.command(COMMAND).binary, WRAPPER);
    },
  },
  '`command()` is synchronous and never refuses, also for a binary that does not exist yet': {
    'command gives a command at once, also before prepare, for a binary that is not there': async ({ jail }) => {
      const command = jail.command(COMMAND);
      assert.equal(typeof command.binary, 'string');
      assert.deepEqual(jail.command(COMMAND), command, 'the same command is confined in the same way');
    },
    'the command is the one the sandbox made, with everything in it': async ({ jail }) => {
      await jail.prepare();
      const { binary, args, env, pidReport, dataFds } = jail.command(COMMAND);
      assert.equal(binary, WRAPPER, 'the sandbox wraps the command, not the other way round');
      assert.deepEqual(args.slice(-4), [COMMAND.binary, ...COMMAND.args], 'the command itself comes last, unchanged');
      assert.deepEqual(env, COMMAND.env);
      assert.deepEqual(pidReport, { kind: 'bubblewrap', infoFd: 41, blockFd: 42 });
      const data = dataFds?.find(({ fd }) => fd === WRAPPER_FD)?.data;
      assert.equal(new TextDecoder().decode(data), 'of the sandbox');
      assert.equal(new Set(dataFds?.map(({ fd }) => fd)).size, dataFds?.length, 'a descriptor is used twice');
    },
  },
  'Resource limits set before exec (stage A)': {
    'the limits of the box are part of the command, confined or not': async ({ jail, off }) => {
      await jail.prepare();
      for (const { rlimits } of [jail.command(COMMAND), off().command(COMMAND)]) {
        assert.deepEqual([rlimits?.maxOpenFiles, rlimits?.maxCpuTime], [LIMITS.maxOpenFiles, LIMITS.maxCpuTime]);
      }
    },
  },
  'cgroup v2 directory the child joins before exec (stage A); absent where there is none': {
    'the cgroup the sandbox made is part of the command': async ({ jail, over }) => {
      await jail.prepare();
      assert.equal(jail.command(COMMAND).cgroupDir, undefined);
      const { jail: grouped } = over({ cgroupDir: '/sys/fs/cgroup/conformance' });
      await grouped.prepare();
      assert.equal(grouped.command(COMMAND).cgroupDir, '/sys/fs/cgroup/conformance');
    },
  },
  '`release()` undoes `prepare()` after the process is gone; it is idempotent': {
    'release tears down what was set up, with the same context': async ({ jail, sandbox }) => {
      await jail.prepare();
      await jail.release();
      assert.ok(sandbox.teardowns.length > 0, 'nothing was torn down');
      assert.deepEqual(sandbox.teardowns[0], sandbox.setups[0]);
    },
    'release twice, or without prepare, does no harm, and the jail can be prepared again': async ({
      jail,
      sandbox,
    }) => {
      await jail.release();
      await jail.prepare();
      await jail.release();
      await jail.release();
      await jail.prepare();
      assert.equal(sandbox.setups.length, 2);
      assert.equal(jail.command(COMMAND).binary, WRAPPER);
    },
    'release over a sandbox without a teardown resolves': async ({ over }) => {
      const { jail, sandbox } = over({});
      Reflect.deleteProperty(sandbox, 'teardown');
      await jail.prepare();
      await jail.release();
    },
  },
};
