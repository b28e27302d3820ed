import { constants } from 'node:os';
import type { KvmStatus } from '@boxlite/core';
import type { KvmFacts } from './kvm-facts.js';
import type { ProbeRun } from './probe-run.js';

/** The only version of the KVM interface there has been since Linux 2.6.22 (Documentation/virt/kvm/api.rst, 4.1). */
const KVM_API_VERSION = 12;
const WITHOUT_KVM = 'use QEMU without KVM (accelerator "tcg"): it needs no hardware';

type Failure = Exclude<KvmStatus, { readonly state: 'usable' }>;

/** Names the state of KVM on a host, with the reason and the remedy. Pure: all it knows is in the facts. */
export function classifyKvm(facts: KvmFacts): KvmStatus {
  if (facts.platform !== 'linux' || facts.architecture !== 'x64') {
    return failure(
      'missing',
      `there is no KVM for x86-64 guests on ${facts.platform} ${facts.architecture}`,
      WITHOUT_KVM,
    );
  }
  if (!facts.deviceExists) return withoutDevice(facts);
  const { run } = facts;
  if (run === undefined) {
    const reason = `/dev/kvm is present but could not be tested: ${facts.runFailure ?? 'the probe did not run'}`;
    return failure('cannot-run-unmodified-kernel', reason, `run "npm run build" to build the probe, or ${WITHOUT_KVM}`);
  }
  if (run.step === 'open') return deviceNotOpened(facts, run);
  if (run.step === 'done' && run.cmpxchg16b && run.int3 && run.apiVersion === KVM_API_VERSION) {
    return { state: 'usable', apiVersion: run.apiVersion };
  }
  return cannotRun(facts, run);
}

function withoutDevice({ cpu, kvmModules }: KvmFacts): Failure {
  const vendorModule = vendorModuleOf(cpu.vendor);
  if (kvmModules.some((name) => name !== 'kvm')) {
    return failure(
      'missing',
      '/dev/kvm does not exist although the KVM module is loaded: this looks like a container',
      'start the container with --device /dev/kvm',
    );
  }
  if (cpu.hasVirtualization) {
    return failure(
      'module-absent',
      `the processor can virtualise but the kernel module ${vendorModule} is not loaded`,
      `run "sudo modprobe ${vendorModule}"; if that fails with "disabled by bios" in dmesg, enable virtualisation in the firmware set-up`,
    );
  }
  if (cpu.isGuest) {
    return failure(
      'nested-off',
      'this host is a virtual machine and its hypervisor offers it no virtualisation',
      `enable nested virtualisation for this machine in its hypervisor (cloud: an instance type that has it), or ${WITHOUT_KVM}`,
    );
  }
  return failure(
    'disabled-in-firmware',
    'the processor shows neither vmx nor svm: virtualisation is off in the firmware, or this processor has none',
    `enable Intel VT-x or AMD SVM in the firmware set-up, or ${WITHOUT_KVM}`,
  );
}

function deviceNotOpened(facts: KvmFacts, run: ProbeRun): Failure {
  const { EACCES, EPERM, ENODEV, ENXIO, ENOENT } = constants.errno;
  if (run.errno === EACCES || run.errno === EPERM) {
    return failure(
      'denied',
      '/dev/kvm exists but this user may not open it',
      'add the user to the group of /dev/kvm ("sudo usermod -aG kvm $USER") and log in again',
    );
  }
  if (run.errno === ENODEV || run.errno === ENXIO || run.errno === ENOENT) {
    // A leftover device node without a driver behind it: the same cases as without a node.
    return withoutDevice({ ...facts, kvmModules: [] });
  }
  return cannotRun(facts, run);
}

function cannotRun({ cpu, kvmModules }: KvmFacts, run: ProbeRun): Failure {
  const backEnd = kvmModules.find((name) => name !== 'kvm' && name !== 'kvm_intel' && name !== 'kvm_amd');
  const through = backEnd === undefined ? '' : ` (back end ${backEnd})`;
  return failure(
    'cannot-run-unmodified-kernel',
    `KVM is present but cannot run an unmodified kernel${through}: ${describeRun(run)}`,
    cpu.hasVirtualization
      ? `update the host's kernel, or ${WITHOUT_KVM}`
      : `use a host whose processor shows vmx or svm to its system, or ${WITHOUT_KVM}`,
  );
}

function describeRun(run: ProbeRun): string {
  if (run.step === 'time_limit') return 'test code of a few instructions did not end within its time limit';
  if (run.step === 'guest') {
    const at = run.cmpxchg16b ? (run.int3 ? 'hlt' : 'int3') : 'lock cmpxchg16b';
    return `it stopped at "${at}" with exit reason ${run.exitReason}${run.exitReason === 17 ? `, internal error ${run.suberror}` : ''}`;
  }
  if (run.step === 'done') {
    return run.apiVersion === KVM_API_VERSION
      ? 'test code gave wrong results'
      : `it speaks version ${run.apiVersion} of the KVM interface, not ${KVM_API_VERSION}`;
  }
  if (run.step === 'create_vm' && run.errno === constants.errno.EBUSY) {
    return "another hypervisor is using the processor's virtualisation";
  }
  return `${run.step} failed with ${errnoName(run.errno)}`;
}

function errnoName(errno: number): string {
  const name = Object.entries(constants.errno).find(([, value]) => value === errno)?.[0];
  return name ?? `error ${errno}`;
}

function vendorModuleOf(vendor: string): string {
  return vendor === 'GenuineIntel' ? 'kvm_intel' : 'kvm_amd';
}

function failure(state: Failure['state'], reason: string, remedy: string): Failure {
  return { state, reason, remedy };
}
