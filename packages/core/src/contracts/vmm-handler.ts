import type { ProcessIdentity } from '../ids/process-identity.js';
import type { GuestChannel } from './guest-channel.js';
import type { Jail } from './jail.js';
import type { PathAccess } from './sandbox.js';
import type { ExitRecord, SupervisedVm, SuperviseRequest, Supervisor } from './supervisor.js';

/** A block device. The format is always explicit: a sniffed format lets a guest turn its raw disk into a qcow2 naming host files. */
export interface VmmDisk {
  /** Appears in this order as `/dev/vda`, `/dev/vdb`, … */
  readonly path: string;
  readonly format: 'raw' | 'qcow2';
  readonly readOnly: boolean;
}

/** A directory shared with the guest by virtiofs. */
export interface VmmShare {
  readonly tag: string;
  readonly hostPath: string;
  readonly readOnly: boolean;
  /**
   * True: the jail shows the VMM this directory read-only, so that a VMM without a read-only mode of its own may still share it as one. Whoever
   * builds the jail says so; without a jail nobody may.
   */
  readonly hostEnforced?: boolean;
}

/** A network card on a unix stream socket carrying length-prefixed Ethernet frames. */
export interface VmmNic {
  readonly socketPath: string;
  /** `aa:bb:cc:dd:ee:ff` */
  readonly macAddress: string;
}

/**
 * A machine at rest, in two files its VMM wrote. Both hold what the guest had in memory, so they are their owner's alone (0600); neither is changed
 * once it is there, and both may be unlinked while machines continue from them.
 */
export interface VmmSnapshot {
  /** The guest's memory, byte for byte and sparse. Each machine that continues from it maps it private: what it changes is its own. */
  readonly memory: string;
  /** Processors and devices, in a format of the VMM. */
  readonly state: string;
}

/** How a running machine is captured. */
export interface CaptureOptions {
  /**
   * Called while the guest stands still, its disks flushed and not written by the VMM until this resolves: what is copied of them here belongs to the
   * captured memory. When it throws, the capture does, too.
   */
  readonly whileStill?: () => Promise<void>;
  /** Ends the capture: it throws `aborted`, and the machine goes on. */
  readonly signal?: AbortSignal | undefined;
}

/** The virtual machine to build. */
export interface VmmSpec {
  readonly boxId: string;
  readonly vcpus: number;
  readonly memoryMib: number;
  /** An ELF kernel with a PVH note, or what else the handler's {@link VmmHandler.kernelSource} gives. */
  readonly kernel: string;
  /**
   * An initial RAM disk the kernel cannot boot without: one that has its drivers in modules. Since version 2 of the contract: a handler boots it,
   * or `check` refuses it with `details.field` `initrd`.
   */
  readonly initrd?: string;
  /** Processors this kernel can use, where its source says so: a handler takes it for its own idea of that. */
  readonly kernelMaxVcpus?: number;
  /**
   * Kernel parameters that do not depend on the VMM (`root=`, `init=`); the handler adds console and reboot. Nothing of the user's.
   */
  readonly commandLine: readonly string[];
  readonly disks: readonly VmmDisk[];
  readonly shares: readonly VmmShare[];
  readonly nics: readonly VmmNic[];
  /** The unix socket the VMM dials for the agent link, as seen inside the jail. */
  readonly agentSocket: string;
  /**
   * Where the files of {@link VmmHostRequirements.copies} will lie when the VMM runs, as seen inside the jail. Absent: nothing is copied, and the
   * originals are used.
   */
  readonly binDir?: string;
  /** True: it is not certain that anything filters the VMM's system calls from outside; one that can do so itself is to. Default false. */
  readonly unfiltered?: boolean;
  /**
   * Absent: the machine boots. Else it goes on from here, and only {@link VmmHandler.restore} takes such a spec; `check` refuses it with
   * `details.field` `from` where the handler has none.
   */
  readonly from?: VmmSnapshot;
}

/** The process that becomes the machine, before confinement. */
export interface VmmCommand {
  readonly binary: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly stdin?: Uint8Array;
  /** Named sockets the handler wants to be inherited as listening file descriptors (QEMU's monitor). */
  readonly listeners: readonly { readonly name: string; readonly fd: number }[];
  /** Files the VMM inherits open for reading, on descriptors 10 to 30: it needs no path to them, and no right to open them. */
  readonly files?: readonly InheritedFile[];
}

/** A file that is opened, for reading only, for a process that is about to be confined. */
export interface InheritedFile {
  readonly fd: number;
  /** Absolute, outside the jail. A symbolic link in its last component is not followed. */
  readonly path: string;
}

/** What a VMM needs to see on the host besides its disks: ELF closure, firmware, devices. */
export interface VmmHostRequirements {
  readonly paths: readonly PathAccess[];
  readonly devices: readonly string[];
  /**
   * Files to be copied into the spec's `binDir` before the spawn, so that the box has inodes and text pages of its own; `command` names the
   * copies. Only for a spec that has a `binDir`; what these files need to be loaded is found from the originals.
   */
  readonly copies?: readonly VmmFileCopy[];
  /**
   * The system calls this VMM needs, as the text of a policy (grammar: `@boxlite/jailer`, `policy`). Absent: the jail's own deny-list, which lets any
   * program run and holds less.
   */
  readonly seccompPolicy?: string;
  /**
   * True: the VMM makes internet connections itself, such as libkrun's TSI, and shares the host's network. Default false: it has a network of its own
   * with nothing in it; network cards are unix sockets that lie in the view.
   */
  readonly hostNetwork?: boolean;
  /** Switches of that policy that are on for this machine; `network` is the jail's own and must not be among them. */
  readonly seccompSwitches?: readonly string[];
}

/** A file the VMM runs from the box's own directory. */
export interface VmmFileCopy {
  /** Absolute path of the original. */
  readonly from: string;
  /** The copy's name in `binDir`: one path component. */
  readonly name: string;
}

/** What `start` may use. A handler spawns through these and in no other way. */
export interface VmmHost {
  readonly jail: Jail;
  readonly supervisor: Supervisor;
  /** Everything of the request that does not depend on the VMM. */
  readonly request: Omit<SuperviseRequest, 'command' | 'stdin' | 'listeners' | 'files'>;
  /** Outside the jail: where a named listener's socket is made. */
  listenerPath(name: string): string;
}

/**
 * A running virtual machine.
 *
 * `stop(graceMs)` is graceful first (the agent, then what the VMM itself offers, then signals) and never leaves the process behind;
 * `kill()` is immediate. Both are idempotent and resolve with how the VMM ended; `wait()` only waits. `close()` gives up this
 * process's connection and leaves the machine running.
 *
 * A handler signals no process itself, it asks the supervisor: a pid that was written down may be another process's by now. Once the machine
 * has ended and its connections are closed, nothing of it is left: no process, no socket, no temporary file, no open descriptor.
 */
export interface RunningVm extends AsyncDisposable {
  readonly identity: ProcessIdentity;
  readonly channel: GuestChannel;
  wait(): Promise<ExitRecord>;
  stop(graceMs: number): Promise<ExitRecord>;
  kill(): Promise<ExitRecord>;
  close(): Promise<void>;
  /** The guest stands still until `resume`; a paused machine can be stopped as gracefully as any. Idempotent, as is `resume`. */
  pause?(): Promise<void>;
  resume?(): Promise<void>;
  /**
   * Captures the machine in two files, which must not exist; both are durable when it resolves, neither is left when it throws. The guest stands
   * still meanwhile and goes on afterwards, also after a failure, unless it was paused before: then it stays so.
   * @throws BoxliteError `unsupported` (a machine with shares, where the VMM cannot carry them over), `disk_full`, `vmm_failed`, `aborted`
   */
  snapshot?(target: VmmSnapshot, options?: CaptureOptions): Promise<void>;
  /**
   * As {@link snapshot}, for children that are started at once: nothing is made durable, and the guest stands still no longer than its memory takes to
   * be captured.
   */
  fork?(target: VmmSnapshot, options?: CaptureOptions): Promise<void>;
}

/** What is known of a machine another process started, as in the {@link VmmSpec} it was started with. */
export type AttachedMachine = Pick<VmmSpec, 'boxId' | 'memoryMib' | 'agentSocket'>;

/**
 * Turns a {@link VmmSpec} into a running machine. Stateless: one handler serves every box of a process.
 *
 * `check` is called first and throws `unsupported` or `resource_exhausted` when this VMM cannot run the spec (too little memory to boot,
 * too many devices), before anything is spawned. `requirements` and `command` do not spawn. `start` spawns through the given
 * jail and supervisor and resolves once the VMM process runs; it leaves nothing behind when it throws. `attach` wraps a machine
 * another process started.
 *
 * The signal given to `start` ends it at whatever step it is: it throws `aborted`. A VMM that ends while `start` still waits for it
 * makes it throw `vmm_failed` with what the VMM said; files it needs are looked for before (`not_found` with the member of the spec). A spec
 * with a member or value this VMM cannot serve is refused, never run without it.
 *
 * What a VMM cannot do is a method it does not have: `pause` and `resume` go together, as do `restore` and `snapshotKey`, and machines can be captured
 * exactly where they can be restored.
 */
export interface VmmHandler {
  readonly id: string;
  /**
   * Id of the kernel source to ask for this VMM's kernels, when an ordinary one does not boot on its machines (a machine whose only bus is PCI needs
   * a kernel with PCI). Absent: the kernel source chosen for everybody.
   */
  readonly kernelSource?: string;
  check(spec: VmmSpec): void;
  requirements(spec: VmmSpec): Promise<VmmHostRequirements>;
  command(spec: VmmSpec): VmmCommand;
  /** Host memory the VMM process needs beyond the guest's RAM, in MiB; added to limits. */
  memoryOverheadMib(spec: VmmSpec): number;
  start(spec: VmmSpec, host: VmmHost, signal?: AbortSignal): Promise<RunningVm>;
  /**
   * Everything of this host, this VMM and this spec that a machine must have in common with a snapshot to go on from it: two specs with the same text
   * can. The kernel's content is the caller's to add, as are the disks': what the spec has of these is only their number, order and format. There exactly
   * where `restore` is.
   */
  snapshotKey?(spec: VmmSpec): Promise<string>;
  /**
   * As `start`, for a spec with `from`: the guest goes on where it was captured, with the disks, the agent link and the console of this spec. Disks may
   * be other files of another size; the guest is told of the size. The agent link is a new one: the guest sees the old one hang up.
   * @throws BoxliteError what `start` throws; `snapshot_invalid` when the snapshot cannot be read or does not fit, and then nothing is left: the caller
   *   may boot instead
   */
  restore?(spec: VmmSpec, host: VmmHost, signal?: AbortSignal): Promise<RunningVm>;
  /** @param machine what of its spec the machine must be captured with; absent: `snapshot` and `fork` throw `unsupported` */
  attach(vm: SupervisedVm, listenerPath: (name: string) => string, machine?: AttachedMachine): RunningVm;
}
