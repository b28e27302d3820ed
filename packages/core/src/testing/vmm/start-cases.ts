import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import type { RuledCases } from '../define-cases.js';
import { descendantsOf, identityOf } from '../processes.js';
import { newProcesses } from '../surroundings.js';
import { trojanDisk } from '../trojan-disk.js';
import { firstHello } from './first-hello.js';
import type { VmmBench } from './vmm-bench.js';

/** How a machine comes up. */
export const startCases: RuledCases<VmmBench> = {
  '`start` spawns through the given jail and supervisor and resolves once the VMM process runs': {
    'start gives the identity of a living process, and the hello of the agent arrives on the channel': async (
      bench,
    ) => {
      const { vm } = await bench.start();
      assert.deepEqual(identityOf(vm.identity.pid), vm.identity, 'pid and start time are those of a running process');
      await firstHello(vm);
    },
    'start launches once, what the jail made of its command, and hands the request on unchanged': async (bench) => {
      const { machine, watched, vm } = await bench.start();
      const { request, listenerPath } = machine.host;
      const [launched, ...more] = watched.requests;
      assert.ok(launched !== undefined && more.length === 0, `launched ${watched.requests.length} times`);
      assert.ok(
        watched.commands.some(
          ({ binary, args }) => binary === launched.command.binary && args === launched.command.args,
        ),
        'the command launched is not one the jail confined',
      );
      const [confined] = watched.commands;
      assert.deepEqual({ ...launched.command, binary: '', args: [] }, { ...confined, binary: '', args: [] });
      assert.deepEqual(
        Object.fromEntries(Object.keys(request).map((member) => [member, Reflect.get(launched, member)])),
        request,
      );
      const named = vmListeners(bench, machine.spec).map(({ name, fd }) => ({ fd, path: listenerPath(name) }));
      assert.deepEqual(launched.listeners ?? [], named);
      assert.deepEqual(vm.identity, watched.started[0]?.welcome.vmm, 'the identity is what the supervisor told');
    },
  },
  '`prepare()` is awaited before each spawn': {
    'start prepares the jail once, before it launches': async (bench) => {
      const { watched } = await bench.start();
      assert.deepEqual(
        watched.calls.filter((call) => call !== 'command'),
        ['prepare', 'launch'],
      );
    },
  },
  'A handler spawns through these and in no other way': {
    'every process a start makes is a child of the supervisor': async (bench) => {
      const { before, watched } = await bench.start();
      const supervisor = watched.started[0]?.welcome.supervisor.pid ?? 0;
      const known = new Set([supervisor, ...descendantsOf([supervisor]).map(({ pid }) => pid)]);
      const others = newProcesses(before).filter(({ pid }) => !known.has(pid));
      assert.deepEqual(others, [], 'processes outside the jail');
    },
  },
  'Appears in this order as `/dev/vda`, `/dev/vdb`': {
    'with its disks the other way round a machine does not find its init': async (bench) => {
      const { vm } = await bench.start({ change: ({ spec }) => ({ disks: spec.disks.toReversed() }) });
      const record = await vm.wait();
      assert.notEqual(record.kind, 'Clean', JSON.stringify(record));
    },
  },
  'The format is always explicit: a sniffed format lets a guest turn its raw disk into a qcow2 naming host files': {
    'a raw disk that begins like a qcow2 image over a file of the host is only bytes': async (bench) => {
      const machine = await bench.createMachine();
      await writeFile(machine.brokenDisk, trojanDisk('/nonexistent/host-file'));
      const disks = [...machine.spec.disks, { path: machine.brokenDisk, format: 'raw' as const, readOnly: true }];
      const { vm } = await bench.start({ machine, change: () => ({ disks }) });
      await firstHello(vm);
    },
  },
};

function vmListeners(bench: VmmBench, spec: Parameters<ReturnType<VmmBench['setup']['createHandler']>['command']>[0]) {
  return bench.setup.createHandler().command(spec).listeners;
}
