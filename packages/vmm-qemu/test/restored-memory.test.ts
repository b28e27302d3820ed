import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createQemuVmm } from '@boxlite/vmm-qemu';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createVmParts, hardware, pingAgent, type VmParts } from '../../../test/support/vm-parts.js';

const handler = createQemuVmm({ hardware, accelerator: 'tcg' });

let parts: VmParts;
beforeAll(async () => {
  parts = await createVmParts();
});
afterAll(() => parts[Symbol.asyncDispose]());

describe('the memory of a QEMU whose machine goes on from a snapshot', () => {
  it('holds no tables of a disassembler', async () => {
    await using parent = await parts.createMachine(handler);
    const vm = await handler.start(parent.spec, parent.host);
    await pingAgent(await parent.host.supervisor.connect(parent.host.request.controlDir));
    const from = { memory: join(parent.box.dir, 'memory'), state: join(parent.box.dir, 'state') };
    await vm.fork?.(from);
    await vm.kill();
    await vm.close();

    await using child = await parts.createMachine(handler, { from });
    const restored = await handler.restore?.(child.spec, child.host);
    if (restored === undefined) throw new TypeError('QEMU can restore');
    await pingAgent(await child.host.supervisor.connect(child.host.request.controlDir));
    const mapped = await readFile(`/proc/${restored.identity.pid}/maps`, 'utf8');
    expect(mapped).toContain('boxlite-memory');
    expect(mapped).not.toContain('libcapstone.so.4');
    await restored.kill();
    await restored.close();
  });
});
