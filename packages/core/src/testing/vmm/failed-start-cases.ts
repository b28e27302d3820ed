import assert from 'node:assert/strict';
import type { BoxliteError } from '../../errors/boxlite-error.js';
import type { RuledCases } from '../define-cases.js';
import { eventuallyNone } from '../eventually.js';
import { openDescriptors } from '../processes.js';
import { assertNothingLeft } from './leftovers.js';
import { assertStartFails, type StartOptions, type VmmBench } from './vmm-bench.js';

const failedStart = async (bench: VmmBench, options: StartOptions): Promise<BoxliteError> =>
  assertStartFails(await bench.begin(options));

/** Starts that come to nothing. */
export const failedStartCases: RuledCases<VmmBench> = {
  'files it needs are looked for before (`not_found` with the member of the spec)': {
    'start with a kernel or a disk that is missing fails with its name and leaves nothing': async (bench) => {
      const kernel = await failedStart(bench, { change: () => ({ kernel: '/nonexistent/kernel' }) });
      assert.deepEqual([kernel.code, kernel.details.field], ['not_found', 'kernel'], kernel.message);
      assert.match(kernel.message, /\/nonexistent/);
      const disks = [{ path: '/nonexistent/disk', format: 'raw' as const, readOnly: true }];
      const disk = await failedStart(bench, { change: () => ({ disks }) });
      assert.deepEqual([disk.code, disk.details.field], ['not_found', 'disks[0].path'], disk.message);
      assert.match(disk.message, /\/nonexistent/);
    },
  },
  'A VMM that ends while `start` still waits for it makes it throw `vmm_failed` with what the VMM said': {
    'start with a disk that is not of its format fails with what the VMM said, not a time-out, and leaves nothing':
      async (bench) => {
        const error = await failedStart(bench, {
          change: ({ brokenDisk }) => ({ disks: [{ path: brokenDisk, format: 'qcow2', readOnly: true }] }),
        });
        assert.equal(error.code, 'vmm_failed', error.message);
        assert.match(error.message, /qcow2|format/i);
      },
    'a kernel that is none makes start fail, or the machine end with a crash; nothing is left': async (bench) => {
      const start = await bench.begin({ change: ({ brokenDisk }) => ({ kernel: brokenDisk }) });
      const [outcome] = await Promise.allSettled([start.result]);
      if (outcome.status === 'rejected') {
        const { code, message } = await assertStartFails(start);
        assert.ok(['vmm_failed', 'invalid_argument', 'kernel_unavailable'].includes(code), `${code}: ${message}`);
        return;
      }
      const record = await outcome.value.wait();
      assert.notEqual(record.kind, 'Clean', JSON.stringify(record));
      await assertNothingLeft({ ...start, watched: { ...start.watched, isPrepared: false } });
    },
    'a VMM that is killed while it starts makes start fail, or is told by wait; nothing is left': async (bench) => {
      const start = await bench.begin({ launched: ({ welcome }) => void process.kill(welcome.vmm.pid, 'SIGKILL') });
      const [outcome] = await Promise.allSettled([start.result]);
      if (outcome.status === 'rejected') {
        const { code, message } = await assertStartFails(start);
        assert.equal(code, 'vmm_failed', message);
        return;
      }
      const record = await outcome.value.wait();
      assert.ok(record.kind === 'Signal' && record.signal === 9, JSON.stringify(record));
      await assertNothingLeft({ ...start, watched: { ...start.watched, isPrepared: false } });
    },
  },
  'A spec with a member or value this VMM cannot serve is refused, never run without it': {
    'start with what check refuses is refused before the jail is prepared': async (bench) => {
      const start = await bench.begin({ change: () => ({ vcpus: 100_000 }) });
      const { code, details } = await assertStartFails(start);
      assert.ok(['unsupported', 'resource_exhausted'].includes(code), code);
      assert.equal(details.field, 'vcpus');
      assert.deepEqual(start.watched.calls, [], 'what the host was asked for');
    },
  },
  'The signal given to `start` ends it at whatever step it is: it throws `aborted`': {
    'start with a signal that has fired starts nothing': async (bench) => {
      const start = await bench.begin({ signal: AbortSignal.abort() });
      assert.equal((await assertStartFails(start)).code, 'aborted');
      assert.deepEqual(start.watched.requests, [], 'what was launched');
    },
    'a start aborted while the jail is prepared throws aborted and leaves nothing': async (bench) => {
      const controller = new AbortController();
      const error = await failedStart(bench, { signal: controller.signal, prepared: () => controller.abort() });
      assert.equal(error.code, 'aborted', error.message);
    },
    'a start aborted while the supervisor launches throws aborted and leaves nothing': async (bench) => {
      const controller = new AbortController();
      // The macrotask lets the handler get as far as the launch.
      const prepared = () => void setImmediate(() => controller.abort());
      const error = await failedStart(bench, { signal: controller.signal, prepared });
      assert.equal(error.code, 'aborted', error.message);
    },
  },
  'it leaves nothing behind when it throws': {
    'a start aborted when its VMM runs throws and leaves nothing, or has made a machine that runs': async (bench) => {
      const controller = new AbortController();
      const start = await bench.begin({ signal: controller.signal, launched: () => controller.abort() });
      const [outcome] = await Promise.allSettled([start.result]);
      if (outcome.status === 'rejected') assert.equal((await assertStartFails(start)).code, 'aborted');
      else await outcome.value.kill();
    },
    'a start that fails gives back every descriptor': async (bench) => {
      const fail = async () => {
        const change: StartOptions['change'] = ({ brokenDisk }) => ({
          disks: [{ path: brokenDisk, format: 'qcow2', readOnly: true }],
        });
        await failedStart(bench, { change });
      };
      // What this process opens once for all its life is open afterwards.
      await fail();
      const before = new Set(openDescriptors());
      await fail();
      await eventuallyNone(() => openDescriptors().filter((one) => !before.has(one)), 'descriptors are left');
    },
  },
};
