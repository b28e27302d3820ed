import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { cgroupHierarchy, createCgroupV2Controller } from '../src/index.js';

const MIB = 1024 * 1024;
/** Waits until it is in the group, then makes processes until one cannot be made. */
const FORK = 'read go; for i in 1 2 3 4 5 6 7 8; do sleep 30 & done';
const isPure = cgroupHierarchy(readFileSync('/proc/self/mountinfo', 'utf8')).kind === 'pure';

// The nested host of test/kvm-host has it, for root and, delegated, for an ordinary user.
describe.skipIf(!isPure)('the limits of a box on pure cgroup v2', () => {
  it('of memory and processes are held by its group, and release() ends what is in it', async () => {
    const controller = createCgroupV2Controller();
    const id = `limits-test-${process.pid}`;
    const {
      cgroupDir = '',
      enforced,
      degradations,
    } = await controller.prepare(id, {
      maxMemory: 256 * MIB,
      maxProcesses: 4,
    });
    expect({ enforced, degradations }).toEqual({ enforced: { memory: true, processes: true }, degradations: [] });
    expect(await readFile(join(cgroupDir, 'memory.max'), 'utf8')).toBe(`${256 * MIB}\n`);

    const child = spawn('sh', ['-c', FORK], { stdio: ['pipe', 'ignore', 'pipe'] });
    const said = text(child.stderr);
    const ended = once(child, 'exit');
    await writeFile(join(cgroupDir, 'cgroup.procs'), String(child.pid));
    child.stdin.end('go\n');
    const [status] = await ended;
    expect(status).not.toBe(0);
    expect(await readFile(join(cgroupDir, 'pids.events'), 'utf8')).toMatch(/^max [1-9]/);

    await controller.release(id);
    expect(await said).toMatch(/fork/i);
    await expect(stat(cgroupDir)).rejects.toMatchObject({ code: 'ENOENT' });
  });
});
