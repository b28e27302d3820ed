import assert from 'node:assert/strict';
import type { VmmSpec } from '../contracts/vmm-handler.js';
import { BoxliteError } from '../errors/boxlite-error.js';
import type { ConformanceCase } from './conformance-case.js';
import type { VmmHandlerSetup } from './vmm-test-machine.js';

/** What no machine can be made of, with the member `details.field` must name. */
const NONSENSE: readonly [Partial<VmmSpec>, string][] = [
  [{ vcpus: 0 }, 'vcpus'],
  [{ vcpus: 1.5 }, 'vcpus'],
  [{ vcpus: 100_000 }, 'vcpus'],
  [{ memoryMib: 0 }, 'memoryMib'],
  [{ memoryMib: Number.NaN }, 'memoryMib'],
  [{ memoryMib: 1 }, 'memoryMib'],
  [{ kernel: 'relative' }, 'kernel'],
  [{ disks: Array.from({ length: 200 }, () => ({ path: '/x', format: 'raw' as const, readOnly: true })) }, 'disks'],
];

/** The cases of {@link import('./vmm-handler-conformance.js').vmmHandlerConformance} that boot nothing. */
export function checkCases(setup: VmmHandlerSetup): ConformanceCase[] {
  return [
    {
      name: 'check accepts a bootable machine and refuses nonsense with the field, before anything is spawned',
      async run() {
        await using machine = await setup.createMachine();
        const handler = setup.createHandler();
        handler.check(machine.spec);
        for (const [change, field] of NONSENSE) {
          assert.throws(
            () => handler.check({ ...machine.spec, ...change }),
            (thrown) => BoxliteError.isInstance(thrown) && thrown.details.field === field,
            `${field}: ${JSON.stringify(change).slice(0, 80)}`,
          );
        }
      },
    },
    {
      name: 'requirements names absolute files that exist, read-only, and command does not spawn',
      async run() {
        await using machine = await setup.createMachine();
        const handler = setup.createHandler();
        const { paths, devices } = await handler.requirements(machine.spec);
        const { binary, args, listeners } = handler.command(machine.spec);
        assert.ok(paths.length > 0 && paths.every(({ path, writable }) => path.startsWith('/') && !writable));
        assert.ok(devices.every((device) => device.startsWith('/dev/')));
        assert.ok(binary.startsWith('/') && args.length > 0);
        assert.ok(
          listeners.every(({ fd }) => fd >= 10),
          'descriptors below 10 belong to the supervisor',
        );
        assert.ok(handler.memoryOverheadMib(machine.spec) > 0);
      },
    },
  ];
}
