import type { SupervisedVm } from '../../contracts/supervisor.js';
import type { VmmHandler, VmmHost, VmmSnapshot, VmmSpec } from '../../contracts/vmm-handler.js';

/** A machine that can be booted once, with files of its own. */
export interface VmmTestMachine extends AsyncDisposable {
  /**
   * Boots to an agent that says hello. The kernel's parameters hold one `root=` and one `init=`, which cases replace; the root file system is on
   * a disk but the first.
   */
  readonly spec: VmmSpec;
  /** A real jail and a real supervisor. */
  readonly host: VmmHost;
  /** A file that the jail grants and that is no disk of any format. Cases write to it. */
  readonly brokenDisk: string;
  /** The contents of the exit record, undefined when there is none. */
  readExitRecord(): Promise<unknown>;
}

/** What a case wants of a machine. */
export interface TestMachineChange {
  /** The spec's `from`: files beside the `brokenDisk` of another machine, which the jail has to show. Only where the handler restores. */
  readonly from?: VmmSnapshot;
  /** The size of its first disk; default: the setup's choice, the same for all. */
  readonly diskBytes?: number;
}

/** What cases do inside a guest. Each is given a connection of its own, which it closes. */
export interface TestGuest {
  /** Keeps a text in the guest's memory, and on none of its disks. */
  keep(vm: SupervisedVm, text: string): Promise<void>;
  /** What was kept last; empty when nothing was. */
  kept(vm: SupervisedVm): Promise<string>;
  /** The size of `/dev/vda` as the guest sees it. */
  diskBytes(vm: SupervisedVm): Promise<number>;
}

/** What {@link import('../vmm-handler-conformance.js').vmmHandlerConformance} works on. */
export interface VmmHandlerSetup {
  createHandler(): VmmHandler;
  /** Called once a machine, mostly once a case; the case disposes of it. */
  createMachine(change?: TestMachineChange): Promise<VmmTestMachine>;
  /** A round trip to the agent on a fresh connection; needed to see that a paused machine stands still. */
  ping?(vm: SupervisedVm): Promise<void>;
  /** Needed where the handler restores. */
  readonly guest?: TestGuest | undefined;
  /** Milliseconds after which a case counts as hung; default 90 000. */
  readonly deadlineMs?: number;
}
