import assert from 'node:assert/strict';
import type { VmmCommand, VmmHandler, VmmSpec } from '../../contracts/vmm-handler.js';
import { BoxliteError } from '../../errors/boxlite-error.js';
import { deepFreeze } from '../deep-freeze.js';
import type { RuledCases } from '../define-cases.js';
import { spawnsDuring } from '../spawns-during.js';
import type { VmmBench } from './vmm-bench.js';

const REFUSALS: readonly string[] = ['invalid_argument', 'unsupported', 'resource_exhausted'];
const disk = { path: '/x', format: 'raw' as const, readOnly: true };

/** What no machine can be made of, with the member `details.field` must name. */
const NONSENSE: readonly [Partial<VmmSpec>, string][] = [
  [{ vcpus: 0 }, 'vcpus'],
  [{ vcpus: -1 }, 'vcpus'],
  [{ vcpus: 1.5 }, 'vcpus'],
  [{ vcpus: 100_000 }, 'vcpus'],
  [{ memoryMib: 0 }, 'memoryMib'],
  [{ memoryMib: Number.NaN }, 'memoryMib'],
  [{ memoryMib: 1 }, 'memoryMib'],
  [{ kernel: 'relative' }, 'kernel'],
  [{ initrd: 'relative' }, 'initrd'],
  [{ disks: Array.from({ length: 200 }, () => disk) }, 'disks'],
  [{ disks: [{ ...disk, path: 'relative' }] }, 'disks[0].path'],
  [{ disks: [disk, { ...disk, format: 'vmdk' as 'raw' }] }, 'disks[1].format'],
];

/** Members a VMM may be unable to serve, and the texts that show that it does. */
const ABILITIES: readonly [keyof VmmSpec, Partial<VmmSpec>, readonly string[]][] = [
  ['shares', { shares: [{ tag: 'uservol0', hostPath: '/srv/volume-0', readOnly: false }] }, ['/srv/volume-0']],
  ['shares', { shares: [{ tag: 'uservol0', hostPath: '/srv/volume-0', readOnly: true }] }, ['/srv/volume-0']],
  [
    'nics',
    { nics: [{ socketPath: '/srv/net.sock', macAddress: '52:54:00:12:34:56' }] },
    ['/srv/net.sock', '52:54:00:12:34:56'],
  ],
  ['initrd', { initrd: '/srv/initrd.img' }, ['/srv/initrd.img']],
];

/** The cases of {@link import('../vmm-handler-conformance.js').vmmHandlerConformance} that boot nothing. */
export const checkCases: RuledCases<VmmBench> = {
  '`check` is called first and throws `unsupported` or `resource_exhausted` when this VMM cannot run the spec (too little memory to boot, too many devices), before anything is spawned':
    {
      'check accepts a bootable machine and refuses nonsense with the field, before anything is spawned': async (
        bench,
      ) => {
        const { spec } = await bench.createMachine();
        const handler = bench.setup.createHandler();
        const spawned = await spawnsDuring(async () => {
          handler.check(deepFreeze(spec));
          for (const [change, field] of NONSENSE) {
            const refused = refusalOf(handler, { ...spec, ...change });
            assert.ok(refused !== undefined, `check accepted ${field}: ${JSON.stringify(change).slice(0, 80)}`);
            assert.equal(refused.details.field, field, refused.message);
          }
        });
        assert.equal(spawned, 0, 'check spawned');
      },
    },
  'A spec with a member or value this VMM cannot serve is refused, never run without it': {
    'a share, a network card or an initial RAM disk is refused as unsupported with its field, or is part of the command':
      async (bench) => {
        const { spec } = await bench.createMachine();
        const handler = bench.setup.createHandler();
        for (const [member, change, texts] of ABILITIES) {
          const asked = deepFreeze({ ...spec, ...change });
          const refused = refusalOf(handler, asked);
          if (refused === undefined) {
            const said = textOf(handler.command(asked));
            const missing = texts.filter((text) => !said.includes(text));
            assert.deepEqual(missing, [], `check accepted ${member}, and the command leaves it out`);
          } else {
            assert.ok(['unsupported', 'resource_exhausted'].includes(refused.code), `${member}: ${refused.code}`);
            assert.ok(
              String(refused.details.field).startsWith(member),
              `the field is ${String(refused.details.field)}`,
            );
          }
        }
      },
    'what a disk or a share is for is part of the command: read-only, its format, CPUs, memory': async (bench) => {
      const { spec } = await bench.createMachine();
      const handler = bench.setup.createHandler();
      const variants: Partial<VmmSpec>[] = [
        {},
        { vcpus: 2 },
        { memoryMib: spec.memoryMib + 64 },
        { disks: spec.disks.map((given) => ({ ...given, readOnly: !given.readOnly })) },
        { disks: spec.disks.map((given) => ({ ...given, format: given.format === 'raw' ? 'qcow2' : 'raw' })) },
        { disks: spec.disks.toReversed() },
        { commandLine: [...spec.commandLine, 'one.more=1'] },
        ...[true, false].map((readOnly) => ({ shares: [{ tag: 'uservol0', hostPath: '/srv/volume-0', readOnly }] })),
      ];
      const accepted = variants
        .map((change) => ({ ...spec, ...change }))
        .filter((asked) => refusalOf(handler, asked) === undefined);
      const commands = accepted.map((asked) => textOf(handler.command(asked)));
      assert.equal(new Set(commands).size, commands.length, 'two different machines have the same command');
    },
  },
  '`requirements` and `command` do not spawn': {
    'requirements names absolute files that exist, read-only, and command gives the same each time; neither spawns':
      async (bench) => {
        const { spec } = await bench.createMachine();
        const handler = bench.setup.createHandler();
        await handler.requirements(spec);
        const spawned = await spawnsDuring(async () => {
          const { paths, devices, copies = [] } = await handler.requirements(deepFreeze(spec));
          assert.ok(paths.length + copies.length > 0, 'a VMM needs at least its own program');
          assert.deepEqual(
            paths.filter(({ path, writable }) => !path.startsWith('/') || writable),
            [],
            'not absolute, or for writing',
          );
          assert.ok(copies.length === 0 || spec.binDir !== undefined, 'there is no directory to copy to');
          assert.ok(copies.every(({ from, name }) => from.startsWith('/') && !name.includes('/')));
          assert.ok(
            devices.every((device) => device.startsWith('/dev/')),
            devices.join(', '),
          );
          const command = handler.command(spec);
          assert.ok(command.binary.startsWith('/'), `the binary ${command.binary} is no absolute path`);
          assert.ok(
            command.listeners.every(({ fd }) => fd >= 10),
            'descriptors below 10 belong to the supervisor',
          );
          assert.deepEqual(handler.command(spec), command, 'the same spec gives another command');
        });
        assert.equal(spawned, 0, 'a process was spawned');
      },
  },
  "Host memory the VMM process needs beyond the guest's RAM, in MiB": {
    'the overhead is a number of MiB that the machine could have': async (bench) => {
      const { spec } = await bench.createMachine();
      const overhead = bench.setup.createHandler().memoryOverheadMib(spec);
      assert.ok(Number.isFinite(overhead) && overhead > 0 && overhead < 16_384, `${overhead} MiB`);
    },
  },
};

function refusalOf(handler: VmmHandler, spec: VmmSpec): BoxliteError | undefined {
  try {
    handler.check(spec);
    return undefined;
  } catch (thrown) {
    if (!BoxliteError.isInstance(thrown)) throw thrown;
    assert.ok(REFUSALS.includes(thrown.code), `check refuses with ${thrown.code}: ${thrown.message}`);
    return thrown;
  }
}

function textOf({ args, env, stdin = new Uint8Array() }: VmmCommand): string {
  return [...args, ...Object.values(env), new TextDecoder().decode(stdin)].join('\0').replaceAll('\\/', '/');
}
