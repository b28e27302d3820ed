import assert from 'node:assert/strict';
import type { SupervisedVm } from '../contracts/supervisor.js';
import type { VmmHost, VmmSpec } from '../contracts/vmm-handler.js';
import type { BoxliteError } from '../errors/boxlite-error.js';
import type { ErrorCode } from '../errors/error-code.js';
import type { ConformanceCase } from './conformance-case.js';
import { rejectsWith } from './rejects-with.js';
import type { VmmHandlerSetup, VmmTestMachine } from './vmm-test-machine.js';

/** What a host was asked for, seen from outside. */
interface Watched {
  readonly host: VmmHost;
  readonly started: SupervisedVm[];
  preparedWithoutRelease: number;
}

/** The cases of {@link import('./vmm-handler-conformance.js').vmmHandlerConformance} whose machine never comes up. */
export function failedStartCases(setup: VmmHandlerSetup): ConformanceCase[] {
  const failedStart = async (
    change: (machine: VmmTestMachine) => Partial<VmmSpec>,
    code: ErrorCode,
    field?: string,
    signal?: AbortSignal,
  ): Promise<BoxliteError> => {
    await using machine = await setup.createMachine();
    const watched = watch(machine.host);
    const start = setup.createHandler().start({ ...machine.spec, ...change(machine) }, watched.host, signal);
    const error = await rejectsWith(start, code, field);
    assert.equal(watched.preparedWithoutRelease, 0, 'the jail has been released');
    // Each has ended already: wait does not wait.
    await Promise.all(watched.started.map((vm) => vm.wait()));
    await rejectsWith(machine.host.supervisor.connect(machine.host.request.controlDir), 'agent_unavailable');
    return error;
  };
  return [
    {
      name: 'start with a kernel or a disk that is missing fails with its name and leaves nothing',
      async run() {
        const missing = '/nonexistent/kernel';
        assert.match((await failedStart(() => ({ kernel: missing }), 'not_found', 'kernel')).message, /\/nonexistent/);
        const disks = [{ path: '/nonexistent/disk', format: 'raw' as const, readOnly: true }];
        assert.match((await failedStart(() => ({ disks }), 'not_found', 'disks[0].path')).message, /\/nonexistent/);
      },
    },
    {
      name: 'start with a disk that is not of its format fails with what the VMM said, not a time-out, and leaves nothing',
      async run() {
        const error = await failedStart(
          ({ brokenDisk }) => ({ disks: [{ path: brokenDisk, format: 'qcow2', readOnly: true }] }),
          'vmm_failed',
        );
        assert.match(error.message, /qcow2|format/i);
      },
    },
    {
      name: 'start with what check refuses is refused before the jail is prepared',
      run: async () => void (await failedStart(() => ({ vcpus: 100_000 }), 'unsupported', 'vcpus')),
    },
    {
      name: 'start with an aborted signal starts nothing',
      run: async () => void (await failedStart(() => ({}), 'aborted', undefined, AbortSignal.abort())),
    },
  ];
}

function watch({ jail, supervisor, request, listenerPath }: VmmHost): Watched {
  const watched: Watched = {
    started: [],
    preparedWithoutRelease: 0,
    host: {
      request,
      listenerPath,
      jail: {
        name: jail.name,
        command: (command) => jail.command(command),
        async prepare() {
          const given = await jail.prepare();
          watched.preparedWithoutRelease += 1;
          return given;
        },
        async release() {
          await jail.release();
          watched.preparedWithoutRelease = 0;
        },
      },
      supervisor: {
        async launch(what, signal) {
          const vm = await supervisor.launch(what, signal);
          watched.started.push(vm);
          return vm;
        },
        connect: (controlDir, signal) => supervisor.connect(controlDir, signal),
      },
    },
  };
  return watched;
}
