import { constants } from 'node:os';
import { describe, expect, it } from 'vitest';
import { classifyHypervisorFramework } from './classify-hypervisor-framework.js';
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
  checks: { 'lock cmpxchg16b': true, int3: true, hlt: true },
  tscKhz: 2_500_000,
};
const host: KvmFacts = {
  platform: 'linux',
  architecture: 'x64',
  deviceExists: true,
  deviceAccess: { group: 'kvm', groupMayUse: true, userIsListed: false },
  cpu: { vendor: 'GenuineIntel', hasVirtualization: true, isGuest: false },
  isContainer: false,
  kvmModules: ['kvm', 'kvm_intel'],
  moduleFile: 'unknown',
  kernelLog: [],
  clockSource: 'tsc',
  run: ran,
};
const noDevice: KvmFacts = { ...host, deviceExists: false, kvmModules: [], moduleFile: 'available' };
const bare = { vendor: 'AuthenticAMD', hasVirtualization: false, isGuest: false };
const guest = { vendor: 'GenuineIntel', hasVirtualization: false, isGuest: true };
const arm: KvmFacts = { ...noDevice, architecture: 'arm64', cpu: { ...bare, vendor: '' }, moduleFile: 'unknown' };
const { EACCES, EPERM, EBUSY, ENODEV, EIO } = constants.errno;
const refused = { ...ran, step: 'open', errno: EACCES, checks: {} };

describe('classifyKvm', () => {
  it('calls KVM usable only when the guest ran to its end with every instruction', () => {
    expect(classifyKvm(host)).toEqual({ state: 'usable', apiVersion: 12 });
    const onArm = { ...arm, deviceExists: true, run: { ...ran, exitReason: 6, checks: { brk: true, str: true } } };
    expect(classifyKvm(onArm)).toEqual({ state: 'usable', apiVersion: 12 });
    for (const run of [
      { ...ran, checks: { ...ran.checks, int3: false } },
      { ...ran, checks: {} },
      { ...ran, apiVersion: 11 },
    ]) {
      expect(classifyKvm({ ...host, run }).state).toBe('cannot-run-unmodified-kernel');
    }
  });

  const table: readonly [string, KvmFacts, string, RegExp, RegExp][] = [
    ['Windows', { ...host, platform: 'win32' }, 'missing', /win32/, /tcg/],
    ['a 32-bit host', { ...host, architecture: 'ia32' }, 'missing', /ia32/, /tcg/],
    ['macOS', { ...host, platform: 'darwin', hypervisorFramework: true }, 'missing', /Hypervisor framework/, /tcg/],
    [
      'a container without the device',
      { ...noDevice, kvmModules: ['kvm', 'kvm_amd'], isContainer: true },
      'missing',
      /kvm_amd is loaded: this container was not given it/,
      /docker run --device \/dev\/kvm.*podman.*--group-add keep-groups.*Kubernetes/,
    ],
    [
      'a loaded module without a device',
      { ...noDevice, kvmModules: ['kvm', 'kvm_amd'] },
      'missing',
      /looks like a container/,
      /--device.*udevadm trigger/,
    ],
    [
      'an Intel host whose module is not loaded',
      noDevice,
      'module-absent',
      /kvm_intel is not loaded/,
      /sudo modprobe kvm_intel".*modules-load\.d/,
    ],
    [
      'an AMD host with only the core module',
      { ...noDevice, cpu: { ...host.cpu, vendor: 'AuthenticAMD' }, kvmModules: ['kvm'] },
      'module-absent',
      /kvm_amd/,
      /modprobe kvm_amd/,
    ],
    [
      'a Hygon host, whose design is from AMD',
      { ...noDevice, cpu: { ...host.cpu, vendor: 'HygonGenuine' } },
      'module-absent',
      /kvm_amd/,
      /modprobe kvm_amd/,
    ],
    [
      'a container on a host whose module is not loaded',
      { ...noDevice, isContainer: true },
      'module-absent',
      /kvm_intel/,
      /^on the container's host run "sudo modprobe/,
    ],
    [
      'a kernel that comes without the module',
      { ...noDevice, moduleFile: 'absent' },
      'module-absent',
      /running kernel has no module kvm_intel/,
      /linux-image-amd64.*linux-modules-extra/,
    ],
    [
      'a processor whose module says it is disabled',
      {
        ...noDevice,
        cpu: { ...host.cpu, vendor: 'AuthenticAMD' },
        kernelLog: ['3,1,1,-;kvm_amd: SVM disabled (by BIOS) in MSR_VM_CR on CPU 0'],
      },
      'disabled-in-firmware',
      /kvm_amd says that virtualisation is disabled/,
      /"SVM Mode"/,
    ],
    [
      'an Intel machine with it off in the firmware',
      { ...noDevice, cpu: { ...bare, vendor: 'GenuineIntel' } },
      'disabled-in-firmware',
      /neither vmx nor svm/,
      /"Intel Virtualization Technology".*VT-x/,
    ],
    ['an AMD machine with it off', { ...noDevice, cpu: bare }, 'disabled-in-firmware', /firmware/, /"SVM Mode"/],
    [
      'a user outside the group',
      { ...host, run: refused },
      'denied',
      /may not open it \(its group is kvm\)/,
      /usermod -aG kvm \$USER.*setfacl -m u:\$USER:rw \/dev\/kvm/,
    ],
    [
      'a user who has not logged in since the group was given',
      { ...host, deviceAccess: { group: 'kvm', groupMayUse: true, userIsListed: true }, run: refused },
      'denied',
      /may not open/,
      /^log in again/,
    ],
    [
      'a device that belongs to root alone',
      { ...host, deviceAccess: { group: 'root', groupMayUse: false, userIsListed: false }, run: refused },
      'denied',
      /only root may/,
      /udev\/rules\.d.*usermod -aG kvm/,
    ],
    [
      'a container whose device rules forbid it',
      { ...host, isContainer: true, run: { ...refused, errno: EPERM } },
      'denied',
      /device rules of this container/,
      /--device \/dev\/kvm/,
    ],
    [
      'an ordinary user in a container',
      { ...host, isContainer: true, run: refused },
      'denied',
      /may not open/,
      /--group-add/,
    ],
    [
      'a device node without a driver',
      { ...host, run: { ...refused, errno: ENODEV } },
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
        run: {
          ...ran,
          step: 'guest',
          exitReason: 17,
          suberror: 1,
          checks: { 'lock cmpxchg16b': false, int3: false, hlt: false },
        },
      },
      'cannot-run-unmodified-kernel',
      /cannot run an unmodified kernel \(back end kvm_pvm\): it stopped at "lock cmpxchg16b" with exit reason 17, internal error 1/,
      /vmx or svm.*tcg/,
    ],
    [
      'one that stops at int3, below another hypervisor',
      {
        ...host,
        cpu: { ...host.cpu, isGuest: true },
        run: { ...ran, step: 'guest', exitReason: 8, checks: { ...ran.checks, int3: false } },
      },
      'cannot-run-unmodified-kernel',
      /at "int3" with exit reason 8/,
      /machine that runs this one/,
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
      /stop the other hypervisor/,
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
      (({ run: _, ...rest }) => ({ ...rest, runFailure: 'spawn ENOENT' }))(host),
      'cannot-run-unmodified-kernel',
      /could not be tested: spawn ENOENT/,
      /build/,
    ],
    [
      'an arm64 virtual machine',
      { ...arm, hypervisor: 'apple', kvmModules: ['kvm'] },
      'nested-off',
      /virtual machine \(apple\)/,
      /M3 or later/,
    ],
    ['an arm64 kernel without KVM', arm, 'module-absent', /built without KVM/, /CONFIG_KVM/],
    [
      'an arm64 kernel that was not started at EL2',
      { ...arm, kvmModules: ['kvm'] },
      'disabled-in-firmware',
      /exception level 2/,
      /EL2/,
    ],
    [
      'an arm64 container',
      { ...arm, kvmModules: ['kvm'], isContainer: true },
      'missing',
      /this container/,
      /--device \/dev\/kvm/,
    ],
  ];

  it.each(table)('names the state, reason and remedy of %s', (_, facts, state, reason, remedy) => {
    expect(classifyKvm(facts)).toEqual({
      state,
      reason: expect.stringMatching(reason),
      remedy: expect.stringMatching(remedy),
    });
  });

  it.each<[NonNullable<KvmFacts['hypervisor']>, RegExp]>([
    ['kvm', /\/sys\/module\/kvm_intel\/parameters\/nested.*options kvm_intel nested=1.*host-passthrough/],
    ['vmware', /vhv\.enable/],
    ['virtualbox', /--nested-hw-virt on/],
    ['hyper-v', /ExposeVirtualizationExtensions/],
    ['wsl', /nestedVirtualization=true.*wsl --shutdown/],
    ['xen', /nestedhvm=1/],
    ['parallels', /nested virtualization/],
    ['aws', /\.metal/],
    ['google', /--enable-nested-virtualization/],
    ['azure', /size that offers nested/],
    ['other', /in its hypervisor/],
  ])('tells how nested virtualisation is switched on outside a machine of %s', (hypervisor, remedy) => {
    expect(classifyKvm({ ...noDevice, cpu: guest, hypervisor })).toEqual({
      state: 'nested-off',
      reason: expect.stringContaining('is a virtual machine'),
      remedy: expect.stringMatching(remedy),
    });
  });
});

describe('classifyHypervisorFramework', () => {
  const mac = { ...host, platform: 'darwin', architecture: 'arm64', hypervisorFramework: false };

  it('is usable where macOS says so, and names what is missing elsewhere', () => {
    expect(classifyHypervisorFramework({ ...mac, hypervisorFramework: true })).toEqual({ state: 'usable' });
    expect(classifyHypervisorFramework(mac)).toMatchObject({
      state: 'missing',
      remedy: expect.stringContaining('Mac'),
    });
    expect(classifyHypervisorFramework({ ...mac, cpu: guest })).toMatchObject({ state: 'nested-off' });
    expect(classifyHypervisorFramework(host)).toMatchObject({ state: 'missing' });
  });
});

describe('trustedTscKhz', () => {
  it('tells the measured frequency only where the host itself keeps time by the counter', () => {
    expect(trustedTscKhz(host)).toBe(2_500_000);
    expect(trustedTscKhz({ ...host, clockSource: 'hpet' })).toBeUndefined();
    expect(trustedTscKhz({ ...host, run: { ...ran, tscKhz: 0 } })).toBeUndefined();
  });
});
