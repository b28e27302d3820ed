import assert from 'node:assert/strict';
import { stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RunningVm } from '../../contracts/vmm-handler.js';
import { BoxliteError } from '../../errors/boxlite-error.js';
import type { RuledCases } from '../define-cases.js';
import { rejectsWith } from '../rejects-with.js';
import { CAPTURE_METHODS, type CaptureMethod, canContinue, capture, filesIn, snapshotPlace } from './captures.js';
import { GRACE_MS } from './end-cases.js';
import { firstHello } from './first-hello.js';
import { assertStandsStill } from './stands-still.js';
import type { Start, VmmBench } from './vmm-bench.js';

type Running = Start & { readonly vm: RunningVm };
type CaptureCheck = (bench: VmmBench, running: Running, method: CaptureMethod) => Promise<void>;

const GOES_ON =
  'The guest stands still meanwhile and goes on afterwards, also after a failure, unless it was paused before: then it stays so';
const TWO_FILES =
  'Captures the machine in two files, which must not exist; both are durable when it resolves, neither is left when it throws';
const ABORTED = 'Ends the capture: it throws `aborted`, and the machine goes on';
const WHILE_STILL =
  'Called while the guest stands still, its disks flushed and not written by the VMM until this resolves: what is copied of them here belongs to the captured memory. When it throws, the capture does, too';

const RULES: Readonly<Record<string, Readonly<Record<string, CaptureCheck>>>> = {
  [TWO_FILES]: {
    'makes two files of their owner alone and nothing else, and the guest goes on': async (bench, running, method) => {
      const { dir, ...target } = await snapshotPlace(running.machine);
      await capture(running.vm, method, target);
      assert.deepEqual(await filesIn(dir), ['memory', 'state']);
      for (const path of Object.values(target)) {
        const { mode, size } = await stat(path);
        assert.equal((mode & 0o777).toString(8), '600', `the mode of ${path}`);
        assert.ok(size > 0, `${path} is empty`);
      }
      await answers(bench, running);
    },
    'leaves a file that exists as it is, makes no other, and the guest goes on': async (bench, running, method) => {
      for (const name of ['memory', 'state'] as const) {
        const { dir, ...target } = await snapshotPlace(running.machine);
        await writeFile(target[name], 'mine');
        await rejects(capture(running.vm, method, target));
        assert.deepEqual(await filesIn(dir), [name]);
        assert.equal((await stat(target[name])).size, 4, `${name} was written to`);
      }
      await answers(bench, running);
    },
    'throws where nothing can be written, and the guest goes on': async (bench, running, method) => {
      const { dir } = await snapshotPlace(running.machine);
      const target = { memory: join(dir, 'none', 'memory'), state: join(dir, 'none', 'state') };
      await rejects(capture(running.vm, method, target));
      assert.deepEqual(await filesIn(dir), []);
      await answers(bench, running);
    },
  },
  [WHILE_STILL]: {
    'calls back once, while the guest stands still': async (bench, running, method) => {
      let calls = 0;
      const { dir: _dir, ...target } = await snapshotPlace(running.machine);
      await capture(running.vm, method, target, {
        whileStill: async () => {
          calls += 1;
          await assertStandsStill(bench.setup, running.machine.host);
        },
      });
      assert.equal(calls, 1, 'how often it was called');
      await answers(bench, running);
    },
    'throws what the callback throws, leaves no file, and the guest goes on': async (bench, running, method) => {
      const { dir, ...target } = await snapshotPlace(running.machine);
      const full = new BoxliteError('disk_full', 'no room for the disk');
      const whileStill = () => Promise.reject(full);
      await assert.rejects(capture(running.vm, method, target, { whileStill }), (thrown) => thrown === full);
      assert.deepEqual(await filesIn(dir), []);
      await answers(bench, running);
    },
  },
  [GOES_ON]: {
    'leaves a machine paused that was, also when it fails, and resume lets it go on': async (
      bench,
      running,
      method,
    ) => {
      const { vm, machine } = running;
      await vm.pause?.();
      const { dir: _dir, ...target } = await snapshotPlace(machine);
      await capture(vm, method, target);
      await assertStandsStill(bench.setup, machine.host);
      await rejects(capture(vm, method, target));
      await assertStandsStill(bench.setup, machine.host);
      await vm.resume?.();
      await answers(bench, running);
    },
    'of two at once makes each whole or not at all, and the guest goes on': async (bench, running, method) => {
      const places = [await snapshotPlace(running.machine), await snapshotPlace(running.machine)];
      const outcomes = await Promise.allSettled(
        places.map(({ memory, state }) => capture(running.vm, method, { memory, state })),
      );
      for (const [index, { status }] of outcomes.entries()) {
        const expected = status === 'fulfilled' ? ['memory', 'state'] : [];
        assert.deepEqual(await filesIn(places[index]?.dir ?? ''), expected);
      }
      assert.ok(
        outcomes.some(({ status }) => status === 'fulfilled'),
        'both were refused',
      );
      await answers(bench, running);
    },
  },
  [ABORTED]: {
    'with a signal that has fired leaves no file, and the guest goes on': async (bench, running, method) => {
      const { dir, ...target } = await snapshotPlace(running.machine);
      const signal = AbortSignal.abort();
      await rejectsWith(capture(running.vm, method, target, { signal }), 'aborted');
      assert.deepEqual(await filesIn(dir), []);
      await answers(bench, running);
    },
    'aborted while the guest stands still leaves no file, and the guest goes on': async (bench, running, method) => {
      const { dir, ...target } = await snapshotPlace(running.machine);
      const controller = new AbortController();
      const whileStill = async () => controller.abort();
      await rejectsWith(capture(running.vm, method, target, { whileStill, signal: controller.signal }), 'aborted');
      assert.deepEqual(await filesIn(dir), []);
      await answers(bench, running);
    },
  },
};

/** How machines are captured, where they can be. */
export const captureCases: RuledCases<VmmBench> = {
  ...Object.fromEntries(
    Object.entries(RULES).map(([rule, checks]) => [
      rule,
      Object.fromEntries(
        CAPTURE_METHODS.flatMap((method) =>
          Object.entries(checks).map(([name, check]) => [`${method} ${name}`, ofMethod(method, check)]),
        ),
      ),
    ]),
  ),
  'The guest stands still until `resume`; a paused machine can be stopped as gracefully as any. Idempotent, as is `resume`':
    {
      'resume of a machine that runs changes nothing, nor does a second one; killing a paused machine is immediate':
        async (bench) => {
          const running = await bench.start();
          const { vm } = running;
          assert.equal(vm.pause === undefined, vm.resume === undefined, 'pause and resume go together');
          if (vm.pause === undefined || vm.resume === undefined) return;
          await firstHello(vm);
          await vm.resume();
          await answers(bench, running);
          await vm.pause();
          await vm.resume();
          await vm.resume();
          await answers(bench, running);
          await vm.pause();
          assert.equal((await vm.kill()).kind, 'Clean');
        },
    },
  'What a VMM cannot do is a method it does not have: `pause` and `resume` go together, as do `restore` and `snapshotKey`, and machines can be captured exactly where they can be restored':
    {
      'machines can be captured where the handler can let them go on, and there alone': async (bench) => {
        const { vm } = await bench.start();
        for (const method of [...CAPTURE_METHODS, 'pause'] as const) {
          if (canContinue(bench))
            assert.ok(vm[method] !== undefined, `the handler has restore, its machines no ${method}`);
          else if (method !== 'pause') assert.equal(vm[method], undefined, `nothing can go on from a ${method}`);
        }
        await vm.kill();
      },
      'a machine another process started can be captured by who has attached to it': async (bench) => {
        if (!canContinue(bench)) return;
        const running = await bench.start();
        await firstHello(running.vm);
        const { supervisor, request, listenerPath } = running.machine.host;
        const connection = await supervisor.connect(request.controlDir);
        const other = running.handler.attach(connection, (name) => listenerPath(name), running.machine.spec);
        const { dir, ...target } = await snapshotPlace(running.machine);
        for (const method of CAPTURE_METHODS) {
          const files = { memory: `${target.memory}-${method}`, state: `${target.state}-${method}` };
          await capture(other, method, files);
        }
        assert.equal((await filesIn(dir)).length, 2 * CAPTURE_METHODS.length);
        await other.close();
        await answers(bench, running);
      },
      'a machine that has ended cannot be captured: it throws, and leaves no file': async (bench) => {
        if (!canContinue(bench)) return;
        const { vm, machine } = await bench.start();
        await firstHello(vm);
        await vm.stop(GRACE_MS);
        const { dir, ...target } = await snapshotPlace(machine);
        for (const method of CAPTURE_METHODS) await rejects(capture(vm, method, target));
        assert.deepEqual(await filesIn(dir), []);
      },
    },
};

/** Runs a check over a machine that has said hello, where there is something to check. */
function ofMethod(method: CaptureMethod, check: CaptureCheck): (bench: VmmBench) => Promise<void> {
  return async (bench) => {
    if (!canContinue(bench)) return;
    const running = await bench.start();
    await firstHello(running.vm);
    await check(bench, running, method);
  };
}

async function answers({ setup }: VmmBench, { machine }: Start): Promise<void> {
  const { supervisor, request } = machine.host;
  await setup.ping?.(await supervisor.connect(request.controlDir));
}

async function rejects(work: Promise<unknown>): Promise<void> {
  await assert.rejects(work, (thrown) => BoxliteError.isInstance(thrown));
}
