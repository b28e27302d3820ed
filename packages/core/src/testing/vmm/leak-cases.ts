import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RuledCases } from '../define-cases.js';
import { eventuallyNone } from '../eventually.js';
import { openDescriptors } from '../processes.js';
import { GRACE_MS } from './end-cases.js';
import { firstHello } from './first-hello.js';
import { assertNothingLeft } from './leftovers.js';
import type { Start, VmmBench } from './vmm-bench.js';

const AT_ONCE = 10;

/** What is left of machines that have ended: nothing. */
export const leakCases: RuledCases<VmmBench> = {
  'Once the machine has ended and its connections are closed, nothing of it is left: no process, no socket, no temporary file, no open descriptor':
    {
      'a whole life leaves no process, socket, record, temporary file or descriptor': async (bench) => {
        // What this process opens once for all its life is open afterwards.
        await live(bench, false);
        const temporary = await mkdtemp(join(tmpdir(), 'vmm-life-'));
        const machine = await bench.createMachine();
        const environment = process.env.TMPDIR;
        process.env.TMPDIR = temporary;
        try {
          const before = new Set(openDescriptors());
          const start = await bench.start({ machine });
          await lead(start, start.vm, true);
          await assertNothingLeft({ ...start, watched: { ...start.watched, isPrepared: false } });
          assert.deepEqual(await readdir(temporary), [], 'temporary files are left');
          await eventuallyNone(() => openDescriptors().filter((one) => !before.has(one)), 'descriptors are left');
        } finally {
          if (environment === undefined) delete process.env.TMPDIR;
          else process.env.TMPDIR = environment;
          await rm(temporary, { recursive: true, force: true });
        }
      },
    },
  'Stateless: one handler serves every box of a process': {
    'one handler starts ten machines at once, each a process of its own, and all can be killed before they are up':
      async (bench) => {
        const handler = bench.setup.createHandler();
        const begun: Start[] = [];
        for (let count = 0; count < AT_ONCE; count += 1) begun.push(await bench.begin({ handler }));
        const vms = await Promise.all(begun.map(({ result }) => result));
        assert.equal(new Set(vms.map(({ identity }) => identity.pid)).size, AT_ONCE, 'processes of their own');
        await Promise.all(vms.map((vm) => vm.kill()));
        await Promise.all(vms.map((vm) => vm.close()));
        for (const start of begun) {
          const before = begun[0]?.before ?? start.before;
          await assertNothingLeft({ ...start, before, watched: { ...start.watched, isPrepared: false } });
        }
      },
  },
};

async function live(bench: VmmBench, isWhole: boolean): Promise<void> {
  const start = await bench.start();
  await lead(start, start.vm, isWhole);
}

async function lead({ machine, handler }: Start, vm: Awaited<Start['result']>, isWhole: boolean): Promise<void> {
  const { supervisor, request, listenerPath } = machine.host;
  const other = handler.attach(await supervisor.connect(request.controlDir), (name) => listenerPath(name));
  if (isWhole) await firstHello(vm);
  await (isWhole ? vm.stop(GRACE_MS) : vm.kill());
  await other.wait();
  await other.close();
  await vm.close();
}
