import { constants } from 'node:os';
import type { KvmStatus } from '@boxlite/core';
import { classifyHypervisorFramework } from './classify-hypervisor-framework.js';
import { describeProbeRun, KVM_API_VERSION } from './describe-probe-run.js';
import type { KvmFacts } from './kvm-facts.js';
import type { ProbeRun } from './probe-run.js';
import {
  allowUser,
  enableInFirmware,
  enableNested,
  GIVE_DEVICE,
  INSTALL_KERNEL,
  loadModule,
  moduleOf,
  WITHOUT_KVM,
} from './remedies.js';

type Failure = Exclude<KvmStatus, { readonly state: 'usable' }>;

const ARCHITECTURES: ReadonlySet<string> = new Set(['x64', 'arm64']);
/** `pr_err_once("… disabled by BIOS")` of kvm_intel and `"SVM disabled (by BIOS)"` of kvm_amd, in the spellings of Linux 4 to 6. */
const DISABLED_BY_FIRMWARE = /disabled \(?by bios/i;

/** Names the state of KVM on a host, with the reason and the remedy. Pure: all it knows is in the facts. */
export function classifyKvm(facts: KvmFacts): KvmStatus {
  const { platform, architecture } = facts;
  if (platform === 'darwin') {
    const framework = classifyHypervisorFramework(facts);
    const reason = `macOS has no KVM; its Hypervisor framework is ${framework.state === 'usable' ? 'there, and no VMM here uses it' : `no use either: ${framework.reason}`}`;
    return failure('missing', reason, WITHOUT_KVM);
  }
  if (platform !== 'linux' || !ARCHITECTURES.has(architecture)) {
    return failure('missing', `there is no KVM here for ${platform} ${architecture}`, WITHOUT_KVM);
  }
  if (!facts.deviceExists) return withoutDriver(facts);
  const { run } = facts;
  if (run === undefined) {
    const reason = `/dev/kvm is present but could not be tested: ${facts.runFailure ?? 'the probe did not run'}`;
    return failure('cannot-run-unmodified-kernel', reason, `run "npm run build" to build the probe, or ${WITHOUT_KVM}`);
  }
  if (run.step === 'open') return deviceNotOpened(facts, run);
  const passed = Object.values(run.checks);
  if (run.step === 'done' && passed.length > 0 && passed.every(Boolean) && run.apiVersion === KVM_API_VERSION) {
    return { state: 'usable', apiVersion: run.apiVersion };
  }
  return cannotRun(facts, run);
}

/** No device, or a device node that nothing answers. */
function withoutDriver(facts: KvmFacts): Failure {
  const { cpu, kvmModules, isContainer } = facts;
  const driver = kvmModules.find((name) => name !== 'kvm');
  if (driver !== undefined) {
    const reason = `/dev/kvm does not exist although the kernel module ${driver} is loaded`;
    return isContainer
      ? failure('missing', `${reason}: this container was not given it`, GIVE_DEVICE)
      : failure(
          'missing',
          `${reason}: this looks like a container`,
          `${GIVE_DEVICE}; elsewhere "sudo udevadm trigger"`,
        );
  }
  if (facts.architecture === 'arm64') return withoutDriverOnArm(facts);
  const module = moduleOf(cpu.vendor);
  const isDisabled = facts.kernelLog.some((line) => DISABLED_BY_FIRMWARE.test(line));
  if (cpu.hasVirtualization && !isDisabled) {
    if (facts.moduleFile === 'absent') {
      const reason = `the processor can virtualise but the running kernel has no module ${module}`;
      return failure(
        'module-absent',
        reason,
        isContainer ? `on the container's host ${INSTALL_KERNEL}` : INSTALL_KERNEL,
      );
    }
    const reason = `the processor can virtualise but the kernel module ${module} is not loaded`;
    return failure('module-absent', reason, loadModule(cpu.vendor, isContainer));
  }
  if (cpu.isGuest) return nestedOff(facts);
  const reason = isDisabled
    ? `the kernel module ${module} says that virtualisation is disabled in the firmware`
    : 'the processor shows neither vmx nor svm: virtualisation is off in the firmware, or this processor has none';
  return failure('disabled-in-firmware', reason, enableInFirmware(cpu.vendor));
}

/** On arm64 KVM is a part of the kernel. It makes no device when the kernel was not started at exception level 2. */
function withoutDriverOnArm(facts: KvmFacts): Failure {
  const { kvmModules, isContainer, hypervisor } = facts;
  if (hypervisor !== undefined) return nestedOff(facts);
  if (!kvmModules.includes('kvm')) {
    return failure('module-absent', 'the running kernel is built without KVM', 'boot a kernel with CONFIG_KVM=y');
  }
  if (isContainer) {
    return failure('missing', '/dev/kvm does not exist in this container', GIVE_DEVICE);
  }
  return failure(
    'disabled-in-firmware',
    'the kernel has KVM but was not started at exception level 2, where it needs to be',
    `boot with firmware that starts the kernel at EL2 (U-Boot, UEFI: no hypervisor or "secure" mode before it), or ${WITHOUT_KVM}`,
  );
}

function nestedOff({ cpu, hypervisor = 'other' }: KvmFacts): Failure {
  const by = hypervisor === 'other' ? '' : ` (${hypervisor})`;
  return failure(
    'nested-off',
    `this host is a virtual machine${by} and its hypervisor offers it no virtualisation`,
    enableNested(hypervisor, cpu.vendor),
  );
}

function deviceNotOpened(facts: KvmFacts, run: ProbeRun): Failure {
  const { EACCES, EPERM, ENODEV, ENXIO, ENOENT } = constants.errno;
  if (run.errno === EPERM && facts.isContainer) {
    return failure('denied', '/dev/kvm exists but the device rules of this container forbid it', GIVE_DEVICE);
  }
  if (run.errno === EACCES || run.errno === EPERM) {
    const { deviceAccess } = facts;
    const owner = deviceAccess?.groupMayUse === true && deviceAccess.group !== undefined;
    const who = owner ? ` (its group is ${deviceAccess.group})` : ' (only root may)';
    return failure('denied', `/dev/kvm exists but this user may not open it${who}`, allowUser(facts));
  }
  // A leftover device node without a driver behind it: the same cases as without a node.
  if (run.errno === ENODEV || run.errno === ENXIO || run.errno === ENOENT) {
    return withoutDriver({ ...facts, kvmModules: facts.kvmModules.filter((name) => name === 'kvm') });
  }
  return cannotRun(facts, run);
}

function cannotRun({ cpu, kvmModules, architecture }: KvmFacts, run: ProbeRun): Failure {
  const backEnd = kvmModules.find((name) => name !== 'kvm' && name !== 'kvm_intel' && name !== 'kvm_amd');
  const through = backEnd === undefined ? '' : ` (back end ${backEnd})`;
  const isTaken = run.step === 'create_vm' && run.errno === constants.errno.EBUSY;
  const byHardware = architecture === 'arm64' || cpu.hasVirtualization;
  const remedy = isTaken
    ? 'stop the other hypervisor (VirtualBox, VMware) and try again'
    : byHardware
      ? cpu.isGuest
        ? "update the kernel or hypervisor of the machine that runs this one, and this system's kernel"
        : "update the host's kernel"
      : 'use a host whose processor shows vmx or svm to its system';
  return failure(
    'cannot-run-unmodified-kernel',
    `KVM is present but cannot run an unmodified kernel${through}: ${describeProbeRun(run)}`,
    `${remedy}, or ${WITHOUT_KVM}`,
  );
}

function failure(state: Failure['state'], reason: string, remedy: string): Failure {
  return { state, reason, remedy };
}
