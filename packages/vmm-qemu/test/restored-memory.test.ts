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

/** The mappings of a process, as `/proc/PID/smaps` has them. */
async function mappings(pid: number): Promise<readonly string[]> {
  return (await readFile(`/proc/${pid}/smaps`, 'utf8')).split(/^(?=[0-9a-f]+-[0-9a-f]+ )/m);
}

const kilobytes = (mapping: string, name: string) =>
  Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(mapping)?.[1]);

describe('the memory of a QEMU whose machine goes on from a snapshot', () => {
  it('has small pages where the translated code begins, and no tables of a disassembler', async () => {
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
    const all = await mappings(restored.identity.pid);
    const [code = '', ...more] = all.filter((mapping) => /^\S+ rwxp /.test(mapping));
    expect(kilobytes(code, 'Size')).toBe(16 * 1024);
    expect(kilobytes(code, 'Rss')).toBeGreaterThan(0);
    expect(kilobytes(code, 'AnonHugePages')).toBe(0);
    expect(more).toHaveLength(1);
    expect(all.filter((mapping) => mapping.includes('boxlite-memory'))).not.toEqual([]);
    expect(all.filter((mapping) => mapping.includes('libcapstone'))).toEqual([]);
    await restored.kill();
    await restored.close();
  });
});
