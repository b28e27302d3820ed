export { SharedTasks, type TaskCaller, type TaskContext } from './async/shared-tasks.js';
export { canRemove, canStart, canTransition, isActive } from './contracts/box-transitions.js';
export type { DiskBase, DiskCheck, DiskLayer, DiskStore, FrozenDisk } from './contracts/disk-store.js';
export type { GuestChannel } from './contracts/guest-channel.js';
export type { HardwareProbe, KvmStatus } from './contracts/hardware-probe.js';
export type {
  ImageConfig,
  ImageLayer,
  ImageProgress,
  ImageSource,
  ImageTotals,
  Platform,
  ResolvedImage,
} from './contracts/image-source.js';
export type { Jail } from './contracts/jail.js';
export { JAIL_LAYER_NAMES, type JailLayer, type JailLayerName } from './contracts/jail-layer.js';
export type { GuestKernel, KernelSource } from './contracts/kernel-source.js';
export {
  type Plugin,
  type PluginKind,
  type ProbeResult,
  SPECIFICATION_VERSIONS,
  type SpecificationVersion,
} from './contracts/plugin.js';
export type {
  ConfinedCommand,
  FileIdentity,
  JailCommand,
  PathAccess,
  PidReport,
  ProcessLimits,
  ResourceLimits,
  Sandbox,
  SandboxContext,
  SandboxSetup,
} from './contracts/sandbox.js';
export { START_ORIGINS, type StartOrigin, TEMPLATE_KINDS, type TemplateKind } from './contracts/start-origin.js';
export type {
  BaseDiskRecord,
  BaseDiskStore,
  BoxConfigRecord,
  BoxRecord,
  BoxStateRecord,
  BoxStatus,
  BoxStore,
  ImageRecord,
  ImageStore,
  JailRecord,
  KernelRecord,
  Lease,
  LeaseHolder,
  LeaseStore,
  SnapshotMachine,
  SnapshotRecord,
  SnapshotStore,
  StateStore,
} from './contracts/state-store.js';
export type {
  ExitRecord,
  RefusedCall,
  SupervisedVm,
  SuperviseRequest,
  Supervisor,
  SupervisorWelcome,
} from './contracts/supervisor.js';
export type { VmmHandlerV1, VmmSpecV1 } from './contracts/v1/vmm-handler-v1.js';
export type {
  AttachedMachine,
  CaptureOptions,
  InheritedFile,
  RunningVm,
  VmmCommand,
  VmmDisk,
  VmmFileCopy,
  VmmHandler,
  VmmHost,
  VmmHostRequirements,
  VmmNic,
  VmmShare,
  VmmSnapshot,
  VmmSpec,
} from './contracts/vmm-handler.js';
export { abortedError, throwIfAborted } from './errors/aborted-error.js';
export { BoxliteError, type BoxliteErrorOptions } from './errors/boxlite-error.js';
export { ERROR_CODES, type ErrorCode } from './errors/error-code.js';
export { escapeLine, escapeText } from './errors/escape-text.js';
export { errnoOf, toBoxliteError } from './errors/to-boxlite-error.js';
export {
  BASE_DISK_ID_LENGTH,
  BASE62,
  type BaseDiskId,
  type BoxId,
  LOCAL_BOX_ID_LENGTH,
  parseBaseDiskId,
  parseBoxId,
  randomBase62,
} from './ids/box-id.js';
export { type Digest, digestHex, isDigest, parseDigest } from './ids/digest.js';
export type { ProcessIdentity } from './ids/process-identity.js';
export { supportedVersions } from './registry/adapt-plugin.js';
export { PluginRegistry, type ProbedPlugin } from './registry/plugin-registry.js';
export {
  Channel,
  encodeFrame,
  FRAME_HEADER_BYTES,
  type Frame,
  FrameDecoder,
  FrameFlag,
  FrameType,
  INITIAL_CREDIT_BYTES,
  LINK_ACK_BYTES,
  LINK_WINDOW_BYTES,
  MAX_FRAME_PAYLOAD,
} from './wire/frame.js';
