import { readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Jail, VmmHandler } from '@boxlite/core';
import type { TestMachineChange, VmmHandlerSetup, VmmTestMachine } from '@boxlite/core/testing';
import { createSupervisor } from '../../src/index.js';
import { createModelVmm, modelGuest, pingModel } from './model-vmm.js';
import { TestBox } from './test-box.js';

/** What the suite works on: the model or a mutant of it, under the real supervisor. */
export function modelVmSetup(mutate?: (right: VmmHandler) => VmmHandler): VmmHandlerSetup {
  return {
    createHandler: () => mutate?.(createModelVmm()) ?? createModelVmm(),
    createMachine: async (change) => modelMachineIn(new TestBox(), change),
    ping: pingModel,
    guest: modelGuest,
    // A mutant that hangs has to be waited for; what is right must not fail on a busy machine.
    deadlineMs: mutate === undefined ? 30_000 : 2_500,
  };
}

function modelMachineIn(box: TestBox, { from, diskBytes = 4 }: TestMachineChange = {}): VmmTestMachine {
  const file = (name: string, content: string) => {
    writeFileSync(join(box.dir, name), content);
    return join(box.dir, name);
  };
  const { command: _command, ...request } = box.request([]);
  return {
    spec: {
      boxId: request.boxId,
      vcpus: 1,
      memoryMib: 128,
      kernel: file('kernel', '\x7fELF'),
      commandLine: ['root=/dev/vdb', 'ro', 'init=/agent'],
      disks: [
        { path: sized(file('vda', 'data'), diskBytes), format: 'raw', readOnly: false },
        { path: file('vdb', 'root'), format: 'raw', readOnly: true },
      ],
      shares: [],
      nics: [],
      agentSocket: box.agentSocket,
      ...(from && { from }),
    },
    host: {
      jail: bareJail(),
      supervisor: createSupervisor(),
      request,
      listenerPath: (name) => join(box.controlDir, `${name}.sock`),
    },
    brokenDisk: file('broken', 'neither a header nor anything else'.repeat(64)),
    readExitRecord: async () => {
      const text = readIfThere(box.exitFile);
      return text === '' ? undefined : JSON.parse(text);
    },
    [Symbol.asyncDispose]: async () => box.remove(),
  };
}

/** Sparse. */
function sized(path: string, bytes: number): string {
  truncateSync(path, bytes);
  return path;
}

/** The jail that is off. */
function bareJail(): Jail {
  return {
    name: 'none',
    prepare: async () => [],
    command: (command) => ({ ...command, pidReport: { kind: 'self' } }),
    release: async () => undefined,
  };
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // No record was written.
    return '';
  }
}
