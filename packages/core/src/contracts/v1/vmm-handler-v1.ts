import type { SupervisedVm } from '../supervisor.js';
import type { RunningVm, VmmCommand, VmmDisk, VmmHost, VmmHostRequirements, VmmNic, VmmShare } from '../vmm-handler.js';

/** {@link import('../vmm-handler.js').VmmSpec} of version 1: no initial RAM disk. */
export interface VmmSpecV1 {
  readonly boxId: string;
  readonly vcpus: number;
  readonly memoryMib: number;
  readonly kernel: string;
  readonly commandLine: readonly string[];
  readonly disks: readonly VmmDisk[];
  readonly shares: readonly VmmShare[];
  readonly nics: readonly VmmNic[];
  readonly agentSocket: string;
}

/** {@link import('../vmm-handler.js').VmmHandler} of version 1. Only for plugins written before version 2; new ones implement that. */
export interface VmmHandlerV1 {
  readonly id: string;
  check(spec: VmmSpecV1): void;
  requirements(spec: VmmSpecV1): Promise<VmmHostRequirements>;
  command(spec: VmmSpecV1): VmmCommand;
  memoryOverheadMib(spec: VmmSpecV1): number;
  start(spec: VmmSpecV1, host: VmmHost, signal?: AbortSignal): Promise<RunningVm>;
  attach(vm: SupervisedVm, listenerPath: (name: string) => string): RunningVm;
}
