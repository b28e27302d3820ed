import { constants } from 'node:os';
import { describe, expect, it } from 'vitest';
import { classifyKvm } from './classify-kvm.js';
import type { KvmFacts } from './kvm-facts.js';
import type { ProbeRun } from './probe-run.js';
import { trustedTscKhz } from './trusted-tsc-khz.js';

const ran: ProbeRun = {
  step: 'done',
  errno: 0,
  apiVersion: 12,
  exitReason: 5,
  suberror: 0,
  cmpxchg16b: true,
  int3: true,
  tscKhz: 2_500_000,
};
const host: KvmFacts = {
  platform: 'linux',
  architecture: 'x64',
  deviceExists: true,
  cpu: { vendor: 'GenuineIntel', hasVirtualization: true, isGuest: false },
  kvmModules: ['kvm', 'kvm_intel'],
  clockSource: 'tsc',
  run: ran,
};
const { run: _, ...noDevice } = { ...host, deviceExists: false, kvmModules: [] };
const bare = { vendor: 'AuthenticAMD', hasVirtualization: false, isGuest: false };
const { EACCES, EBUSY, ENODEV, EIO } = constants.errno;

describe('classifyKvm', () => {
  it('calls KVM usable only when the guest ran to its end with both instructions', () => {
    expect(classifyKvm(host)).toEqual({ state: 'usable', apiVersion: 12 });
    expect(classifyKvm({ ...host, run: { ...ran, int3: false } }).state).toBe('cannot-run-unmodified-kernel');
    expect(classifyKvm({ ...host, run: { ...ran, apiVersion: 11 } }).state).toBe('cannot-run-unmodified-kernel');
  });

  const table: readonly [string, KvmFacts, string, RegExp, RegExp][] = [
    ['macOS', { ...host, platform: 'darwin' }, 'missing', /darwin/, /tcg/],
    ['an arm64 host', { ...host, architecture: 'arm64' }, 'missing', /arm64/, /tcg/],
    [
      'a container without the device',
      { ...noDevice, kvmModules: ['kvm', 'kvm_amd'] },
      'missing',
      /container/,
      /--device/,
    ],
    ['a host whose module is not loaded', noDevice, 'module-absent', /kvm_intel is not loaded/, /modprobe kvm_intel/],
    [
      'an AMD host with only the core module',
      { ...noDevice, cpu: { ...host.cpu, vendor: 'AuthenticAMD' }, kvmModules: ['kvm'] },
      'module-absent',
      /kvm_amd/,
      /modprobe kvm_amd/,
    ],
    [
      'a virtual machine without nesting',
      { ...noDevice, cpu: { ...bare, isGuest: true } },
      'nested-off',
      /virtual machine/,
      /nested/,
    ],
    [
      'a machine with it off in the firmware',
      { ...noDevice, cpu: bare },
      'disabled-in-firmware',
      /firmware/,
      /VT-x or AMD SVM/,
    ],
    [
      'a user outside the group',
      { ...host, run: { ...ran, step: 'open', errno: EACCES } },
      'denied',
      /may not open/,
      /usermod -aG kvm/,
    ],
    [
      'a device node without a driver',
      { ...host, run: { ...ran, step: 'open', errno: ENODEV } },
      'module-absent',
      /not loaded/,
      /modprobe/,
    ],
    [
      'a back end that emulates kernel mode',
      {
        ...host,
        cpu: { ...bare, isGuest: true },
        kvmModules: ['kvm', 'kvm_pvm'],
        run: { ...ran, step: 'guest', exitReason: 17, suberror: 1, cmpxchg16b: false, int3: false },
      },
      'cannot-run-unmodified-kernel',
      /cannot run an unmodified kernel \(back end kvm_pvm\): it stopped at "lock cmpxchg16b" with exit reason 17, internal error 1/,
      /vmx or svm.*tcg/,
    ],
    [
      'one that stops at int3',
      { ...host, run: { ...ran, step: 'guest', exitReason: 8, int3: false } },
      'cannot-run-unmodified-kernel',
      /at "int3" with exit reason 8/,
      /tcg/,
    ],
    [
      'one that never ends',
      { ...host, run: { ...ran, step: 'time_limit' } },
      'cannot-run-unmodified-kernel',
      /time limit/,
      /tcg/,
    ],
    [
      'another hypervisor at work',
      { ...host, run: { ...ran, step: 'create_vm', errno: EBUSY } },
      'cannot-run-unmodified-kernel',
      /another hypervisor/,
      /tcg/,
    ],
    [
      'any other failing step',
      { ...host, run: { ...ran, step: 'set_sregs', errno: EIO } },
      'cannot-run-unmodified-kernel',
      /set_sregs failed with EIO/,
      /tcg/,
    ],
    [
      'a probe that cannot run',
      { ...noDevice, deviceExists: true, runFailure: 'spawn ENOENT' },
      'cannot-run-unmodified-kernel',
      /could not be tested: spawn ENOENT/,
      /build/,
    ],
  ];

  it.each(table)('names the state, reason and remedy of %s', (_, facts, state, reason, remedy) => {
    expect(classifyKvm(facts)).toEqual({
      state,
      reason: expect.stringMatching(reason),
      remedy: expect.stringMatching(remedy),
    });
  });
});

describe('trustedTscKhz', () => {
  it('tells the measured frequency only where the host itself keeps time by the counter', () => {
    expect(trustedTscKhz(host)).toBe(2_500_000);
    expect(trustedTscKhz({ ...host, clockSource: 'hpet' })).toBeUndefined();
    expect(trustedTscKhz({ ...host, run: { ...ran, tscKhz: 0 } })).toBeUndefined();
    expect(trustedTscKhz(noDevice)).toBeUndefined();
  });
});
