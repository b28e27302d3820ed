export type { JailLayer } from '@boxlite/core';
export { BoxliteError, type ErrorCode, PluginRegistry } from '@boxlite/core';
export { Box } from './box/box.js';
export type { BoxInfo, BoxJailInfo } from './box/box-info.js';
export type { LogOptions } from './box/box-logs.js';
export type { BoxMetrics } from './box/box-metrics.js';
export type { StartOptions } from './box/start-box.js';
export type { StopOptions } from './box/stop-box.js';
export { type ApparmorProfile, apparmorProfileOfBwrap } from './doctor/apparmor-profile.js';
export type { Check, Diagnosis } from './doctor/check.js';
export { type DiagnoseOptions, diagnose } from './doctor/diagnose.js';
export type { ExecOptions } from './exec/exec-options.js';
export { collect, type ExecResult, type ExecStatus, type Execution } from './exec/execution.js';
export type { ImageDetails, ImageInfo, RemovedImage } from './images/image-info.js';
export type { ImageLibrary, ImagePruneReport, LoadOptions, SaveOptions } from './images/image-library.js';
export type { StageListener, StageName, StageTiming } from './init/pipeline.js';
export type { BoxOptions } from './options/box-options.js';
export type { CacheOptions } from './options/cache-options.js';
export { type ConfigFile, readConfigFile } from './options/config-file.js';
export type { RegistryOptions } from './options/registry-options.js';
export { STARTER_IMAGE } from './options/starter-image.js';
export { type LoadPluginsOptions, loadPlugins } from './plugins/load-plugins.js';
export { BoxPool } from './pool/box-pool.js';
export type { PoolOptions } from './pool/pool-options.js';
export type { PoolStats } from './pool/warm-set.js';
export { type DefaultRegistryOptions, defaultRegistry } from './registry/default-registry.js';
export { Boxlite, type BoxliteOptions } from './runtime/boxlite.js';
export type { Log } from './runtime/log.js';
export type { RuntimeMetrics } from './runtime/runtime-metrics.js';
export type { ImageDiskOptions, PullOptions } from './runtime/runtime-services.js';
export { SimpleBox, type SimpleBoxOptions, type SimpleExecResult } from './simple-box.js';
export type { ForkOptions } from './snapshot/fork-options.js';
export type { BoxHooks, CaptureReason, RenewedSecrets, RestoredBox, RestoreReason } from './snapshot/hooks.js';
export type { ListSnapshotsOptions, SnapshotInfo, SnapshotOptions } from './snapshot/snapshot-info.js';
export type { DiskUsage, UsageEntry, UsageOfKind } from './storage/disk-usage.js';
export type { HomeStorage, PruneOptions, PruneReport } from './storage/home-storage.js';
export type { Counted, Removed } from './storage/remove-planned.js';
export type { ShapeOptions } from './template/machine-shape.js';
export type { TemplateStep } from './template/make-template.js';
export type {
  BuildTemplateOptions,
  BuiltTemplate,
  TemplateInfo,
  TemplateLibrary,
  WantedTemplate,
} from './template/template-library.js';
export { TEMPLATES_VARIABLE, type TemplateOptions } from './template/template-settings.js';
