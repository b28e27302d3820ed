import assert from 'node:assert/strict';
import { copyFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import type { VmmSnapshot, VmmSpec } from '../../contracts/vmm-handler.js';
import type { RuledCases } from '../define-cases.js';
import { isRunning } from '../processes.js';
import { SLOWNESS } from '../slowness.js';
import {
  type Capture,
  canContinue,
  captureOf,
  childOf,
  digestOf,
  diskBytes,
  keep,
  kept,
  machineFor,
} from './captures.js';
import { GRACE_MS } from './end-cases.js';
import { firstHello } from './first-hello.js';
import { assertNothingLeft } from './leftovers.js';
import { assertStartFails, type Start, type VmmBench } from './vmm-bench.js';

const MIB = 1024 ** 2;
/** A guest hears of its disk within a turn of its processor, in milliseconds. */
const TOLD_MS = 3_000 * SLOWNESS;

/** What makes a snapshot one that no machine can go on from. */
const DAMAGES: Readonly<Record<string, (files: VmmSnapshot) => Promise<void>>> = {
  'a state cut in half': ({ state }) => halve(state),
  'an empty state': ({ state }) => truncate(state, 0),
  'a state that is none': ({ state }) => writeFile(state, 'neither a header nor anything else'.repeat(4096)),
  'a state whose first bytes are others': async ({ state }) => overwrite(state),
  'a memory cut in half': ({ memory }) => halve(memory),
  'an empty memory': ({ memory }) => truncate(memory, 0),
  'no state': ({ state }) => rm(state),
  'no memory': ({ memory }) => rm(memory),
  'memory and state in each other’s place': async ({ memory, state }) => {
    await copyFile(state, `${state}.kept`);
    await copyFile(memory, state);
    await copyFile(`${state}.kept`, memory);
    await rm(`${state}.kept`);
  },
};

/** How machines go on from a capture, where they can. */
export const restoreCases: RuledCases<VmmBench> = mapCases({
  'the guest goes on where it was captured, with the disks, the agent link and the console of this spec': {
    'a restored guest has the memory of the moment it was captured, and its agent says hello on a link of its own':
      async (bench) => {
        for (const method of ['snapshot', 'fork'] as const) {
          const parent = await bench.start();
          await firstHello(parent.vm);
          await keep(bench, parent, 'before');
          const from = await captureOf(parent, method);
          await keep(bench, parent, 'after');
          const child = await childOf(bench, from);
          assert.notEqual(child.vm.identity.pid, parent.vm.identity.pid);
          assert.equal(await kept(bench, child), 'before', method);
          assert.equal(await kept(bench, parent), 'after', method);
        }
      },
    'what was paused when it was captured goes on when it is restored': async (bench) => {
      const parent = await bench.start();
      await firstHello(parent.vm);
      await keep(bench, parent, 'still');
      await parent.vm.pause?.();
      const child = await childOf(bench, await captureOf(parent));
      assert.equal(await kept(bench, child), 'still');
    },
    'a restored machine can be captured itself, and its child has the memory of both': async (bench) => {
      const parent = await bench.start();
      await firstHello(parent.vm);
      await keep(bench, parent, 'first');
      const child = await childOf(bench, await captureOf(parent));
      await keep(bench, child, `${await kept(bench, child)}, second`);
      await parent.vm.kill();
      const grandchild = await childOf(bench, await captureOf(child, 'fork'));
      assert.equal(await kept(bench, grandchild), 'first, second');
    },
    'a restored machine stops as gracefully as any, can be attached to, and nothing of it is left': async (bench) => {
      const parent = await bench.start();
      await firstHello(parent.vm);
      const child = await childOf(bench, await captureOf(parent));
      const { supervisor, request, listenerPath } = child.machine.host;
      const other = child.handler.attach(await supervisor.connect(request.controlDir), (name) => listenerPath(name));
      assert.deepEqual(other.identity, child.vm.identity);
      const record = await other.stop(GRACE_MS);
      assert.deepEqual(record, { kind: 'Clean', reason: 'shutdown' });
      assert.deepEqual(await child.vm.wait(), record);
      await other.close();
      assert.ok(isRunning(parent.vm.identity), 'the machine it came from ended with it');
      await assertNothingLeft({ ...child, watched: { ...child.watched, isPrepared: false } });
    },
    'restore prepares the jail once, and launches once what the jail made of its command': async (bench) => {
      const parent = await bench.start();
      await firstHello(parent.vm);
      const { watched } = await childOf(bench, await captureOf(parent));
      assert.deepEqual(
        watched.calls.filter((call) => call !== 'command'),
        ['prepare', 'launch'],
      );
      const [launched] = watched.requests;
      const { listeners = [], files = [] } = launched ?? {};
      const numbers = [...listeners, ...files].map(({ fd }) => fd);
      assert.ok(
        numbers.every((fd) => fd >= 10),
        'descriptors below 10 belong to the supervisor',
      );
      assert.equal(new Set(numbers).size, numbers.length, 'two things on one descriptor');
    },
  },
  'Each machine that continues from it maps it private: what it changes is its own': {
    'two machines from one snapshot do not see each other’s changes, and not a byte of it changes': async (bench) => {
      const parent = await bench.start();
      await firstHello(parent.vm);
      await keep(bench, parent, 'common');
      const from = await captureOf(parent);
      const before = await digestOf(from.snapshot);
      const [first, second] = [await childOf(bench, from), await childOf(bench, from)];
      await keep(bench, first, 'mine');
      assert.deepEqual([await kept(bench, first), await kept(bench, second)], ['mine', 'common']);
      await keep(bench, second, 'yours');
      assert.deepEqual([await kept(bench, first), await kept(bench, second)], ['mine', 'yours']);
      assert.equal(await kept(bench, await childOf(bench, from)), 'common');
      for (const { vm } of [first, second]) await vm.stop(GRACE_MS);
      assert.deepEqual(await digestOf(from.snapshot), before, 'the snapshot was written to');
    },
    'both files may be unlinked while machines continue from them': async (bench) => {
      const parent = await bench.start();
      await firstHello(parent.vm);
      await keep(bench, parent, 'unlinked');
      const from = await captureOf(parent);
      const child = await childOf(bench, from);
      for (const path of Object.values(from.snapshot)) await rm(path);
      await parent.vm.kill();
      assert.equal(await kept(bench, child), 'unlinked');
      const grandchild = await childOf(bench, await captureOf(child));
      assert.equal(await kept(bench, grandchild), 'unlinked');
    },
  },
  'Disks may be other files of another size; the guest is told of the size': {
    'a machine captured before its disk was in use goes on with one of another size': async (bench) => {
      const parent = await bench.start();
      await firstHello(parent.vm);
      const { snapshot } = await captureOf(parent);
      for (const size of [96 * MIB, 224 * MIB]) {
        const machine = await bench.createMachine({ from: snapshot, diskBytes: size });
        const child = await bench.start({ machine, from: snapshot });
        await firstHello(child.vm);
        await seesDisk(bench, child, size);
      }
    },
  },
  '`snapshot_invalid` when the snapshot cannot be read or does not fit, and then nothing is left: the caller may boot instead':
    {
      ...Object.fromEntries(
        Object.entries(DAMAGES).map(([damage, apply]) => [
          `${damage} is snapshot_invalid, and nothing is left`,
          async (bench: VmmBench) => {
            const from = await someCapture(bench);
            const machine = await machineFor(bench, from);
            await apply(from.snapshot);
            const error = await assertStartFails(await bench.begin({ machine, from: from.snapshot }));
            assert.equal(error.code, 'snapshot_invalid', error.message);
          },
        ]),
      ),
      'a machine of another shape is snapshot_invalid, and nothing is left': async (bench) => {
        const from = await someCapture(bench);
        const shapes: ((spec: VmmSpec) => Partial<VmmSpec>)[] = [
          ({ memoryMib }) => ({ memoryMib: memoryMib + 64 }),
          ({ vcpus }) => ({ vcpus: vcpus + 1 }),
          ({ disks }) => ({ disks: disks.slice(0, 1) }),
        ];
        for (const shape of shapes) {
          const machine = await machineFor(bench, from);
          const change = () => shape(machine.spec);
          const error = await assertStartFails(await bench.begin({ machine, from: from.snapshot, change }));
          assert.equal(error.code, 'snapshot_invalid', `${JSON.stringify(change())}: ${error.message}`);
        }
      },
      'after a snapshot that was refused the same machine can boot': async (bench) => {
        const from = await someCapture(bench);
        await truncate(from.snapshot.state, 16);
        const machine = await machineFor(bench, from);
        const error = await assertStartFails(await bench.begin({ machine, from: from.snapshot }));
        assert.equal(error.code, 'snapshot_invalid', error.message);
        const { from: _none, ...spec } = machine.spec;
        const { vm } = await bench.start({ machine: { ...machine, spec } });
        await firstHello(vm);
      },
    },
  'what `start` throws': {
    'a restore with a signal that has fired starts nothing': async (bench) => {
      const from = await someCapture(bench);
      const start = await bench.begin({
        machine: await machineFor(bench, from),
        from: from.snapshot,
        signal: AbortSignal.abort(),
      });
      assert.equal((await assertStartFails(start)).code, 'aborted');
      assert.deepEqual(start.watched.requests, [], 'what was launched');
    },
    'a restore aborted when its VMM runs throws aborted and leaves nothing, or has made a machine that runs': async (
      bench,
    ) => {
      const from = await someCapture(bench);
      const controller = new AbortController();
      const start = await bench.begin({
        machine: await machineFor(bench, from),
        from: from.snapshot,
        signal: controller.signal,
        launched: () => controller.abort(),
      });
      const [outcome] = await Promise.allSettled([start.result]);
      if (outcome.status === 'rejected') assert.equal((await assertStartFails(start)).code, 'aborted');
      else await outcome.value.kill();
    },
    'a VMM that is killed while it restores makes restore fail, or is told by wait; nothing is left': async (bench) => {
      const from = await someCapture(bench);
      const start = await bench.begin({
        machine: await machineFor(bench, from),
        from: from.snapshot,
        launched: ({ welcome }) => void process.kill(welcome.vmm.pid, 'SIGKILL'),
      });
      const [outcome] = await Promise.allSettled([start.result]);
      if (outcome.status === 'rejected') {
        const { code, message } = await assertStartFails(start);
        // What it was doing when it died is not known.
        assert.ok(['vmm_failed', 'snapshot_invalid'].includes(code), `${code}: ${message}`);
        return;
      }
      const record = await outcome.value.wait();
      assert.ok(record.kind === 'Signal' && record.signal === 9, JSON.stringify(record));
    },
  },
});

/** The guest is told by an event, which may come after its agent answers. */
async function seesDisk(bench: VmmBench, child: Start, size: number): Promise<void> {
  const until = performance.now() + TOLD_MS;
  let seen = await diskBytes(bench, child);
  while (seen !== size && performance.now() < until) seen = await diskBytes(bench, child);
  assert.equal(seen, size, 'the size of the disk as the guest sees it');
}

/** A capture whose machine has ended. */
async function someCapture(bench: VmmBench): Promise<Capture> {
  const parent = await bench.start();
  await firstHello(parent.vm);
  const from = await captureOf(parent);
  await parent.vm.kill();
  return from;
}

/** Leaves out, for handlers that cannot restore, what there is nothing of. */
function mapCases(rules: RuledCases<VmmBench>): RuledCases<VmmBench> {
  return Object.fromEntries(
    Object.entries(rules).map(([rule, checks]) => [
      rule,
      Object.fromEntries(
        Object.entries(checks).map(([name, check]) => [
          name,
          async (bench: VmmBench) => {
            if (canContinue(bench)) await check(bench);
          },
        ]),
      ),
    ]),
  );
}

async function halve(path: string): Promise<void> {
  const { size } = await stat(path);
  await truncate(path, Math.floor(size / 2));
}

async function overwrite(path: string): Promise<void> {
  await writeFile(path, Buffer.from('others!!'), { flag: 'r+' });
}
