import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createKvmProbe, kvmProbeBinaryPath } from '@boxlite/kvm-probe';
import { beforeAll, describe, expect, it } from 'vitest';

const run = promisify(execFile);
const native = join(import.meta.dirname, '..', 'native');
const isEmulated = readdirSync('/sys/module').includes('kvm_pvm');

beforeAll(async () => {
  await run('make', ['-C', native]);
});

describe('the probe of this host', () => {
  it.skipIf(!isEmulated)(
    'reports a KVM that answers but emulates guest kernel mode as unable to run an unmodified kernel',
    async () => {
      expect(await createKvmProbe().kvm()).toEqual({
        state: 'cannot-run-unmodified-kernel',
        reason: expect.stringContaining('KVM is present but cannot run an unmodified kernel'),
        remedy: expect.stringContaining('tcg'),
      });
    },
  );

  it('asks the hardware once a process', async () => {
    const first = await createKvmProbe().tscKhz?.();
    // Measured again, it would not be the same to the last digit.
    expect(await createKvmProbe().tscKhz?.()).toBe(first);
  });

  it('measures the time stamp counter to within a thousandth of what the kernel shows', async () => {
    const shown = Number(/^cpu MHz\s*:\s*([\d.]+)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1]) * 1000;
    const { stdout } = await run(kvmProbeBinaryPath());
    const { tscKhz } = JSON.parse(stdout);
    expect(tscKhz).toBeGreaterThan(100_000);
    // On a virtual machine the shown figure is the counter's; on bare metal it follows the power state and says nothing.
    if (isEmulated) expect(Math.abs(tscKhz / shown - 1)).toBeLessThan(0.001);
  });

  it('never throws: a device that is not KVM, none at all, and a program that is missing are statuses', async () => {
    const states = await Promise.all([
      createKvmProbe({ device: '/dev/null' }).kvm(),
      createKvmProbe({ device: '/dev/no-such-device' }).kvm(),
      createKvmProbe({ binary: '/no/such/program', device: '/dev/null' }).kvm(),
    ]);
    for (const status of states) expect(status.state).not.toBe('usable');
    expect(states[0]).toMatchObject({ reason: expect.stringContaining('api_version failed with ENOTTY') });
    expect(states[2]).toMatchObject({ reason: expect.stringContaining('could not be tested') });
  });

  it('is not misled by a program that says something else', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'boxlite-probe-'));
    try {
      const binary = join(directory, 'probe');
      await writeFile(binary, '#!/bin/sh\nyes usable | head -c 100000\n', { mode: 0o755 });
      expect(await createKvmProbe({ binary, device: '/dev/null' }).kvm()).toMatchObject({
        state: 'cannot-run-unmodified-kernel',
      });
    } finally {
      await rm(directory, { recursive: true });
    }
  });
});

describe('the probe program', () => {
  it('runs every instruction of its guest where KVM is usable, and none of them here where kernel mode is emulated', async () => {
    const { stdout } = await run(kvmProbeBinaryPath());
    const { step, checks } = JSON.parse(stdout);
    const { state } = await createKvmProbe().kvm();
    if (state === 'usable') expect(checks).toEqual({ 'lock cmpxchg16b': true, int3: true, hlt: true });
    if (isEmulated) expect({ step, checks }).toMatchObject({ step: 'guest', checks: { 'lock cmpxchg16b': false } });
  });

  it('is static, so that it runs on any Linux of its architecture', async () => {
    const { stdout } = await run('readelf', ['-l', kvmProbeBinaryPath()]);
    expect(stdout).not.toContain('INTERP');
  });

  it('names the step that failed and its error number', async () => {
    const { stdout } = await run(kvmProbeBinaryPath(), ['/dev/no-such-device']);
    expect(JSON.parse(stdout)).toMatchObject({ step: 'open', errno: 2 });
  });
});
