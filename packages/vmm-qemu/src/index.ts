export type { Accelerator, AcceleratorChoice } from './machine/accelerator.js';
export { MAX_DISKS, MAX_VCPUS, MIN_MEMORY_MIB } from './machine/machine-limits.js';
export {
  AGENT_PORT_NAME,
  type QemuHostFacts,
  QMP_LISTENER_FD,
  QMP_LISTENER_NAME,
  qemuArguments,
} from './machine/qemu-arguments.js';
export { createQemuVmm, type QemuVmmOptions } from './qemu-vmm.js';
export { qemuVmmPlugin } from './qemu-vmm-plugin.js';
export { QMP_TIMEOUT_MS, QmpClient, type QmpOptions } from './qmp/qmp-client.js';
