import type {
  BoxRecord,
  ResolvedImage,
  RunningVm,
  StartOrigin,
  StateStore,
  TemplateKind,
  VmmHandler,
  VmmSpec,
} from '@boxlite/core';
import type { AgentClient } from '@boxlite/guest-agent';
import type { BoxLayout } from '@boxlite/layout';
import type { ChosenKernel } from '../kernel/kernel-service.js';
import type { ResolvedBoxOptions } from '../options/box-options.js';
import type { CheckedVolume } from '../options/volume.js';
import type { ImageDiskOptions, PullOptions, RuntimeServices } from '../runtime/runtime-services.js';
import type { ResumeFrom } from '../snapshot/resume-from.js';
import type { ImageParts, NewDisk } from '../template/template-image.js';
import type { CleanupGuard } from './cleanup-guard.js';
import type { ContainerDisk } from './container-disk.js';
import type { ReportingJail } from './reporting-jail.js';
import type { VolumeShare } from './volume-shares.js';

/** What the stages of one start share: each reads what earlier ones left and adds its own. */
export interface StartContext {
  readonly services: RuntimeServices;
  readonly record: BoxRecord;
  readonly options: ResolvedBoxOptions;
  readonly box: BoxLayout;
  readonly guard: CleanupGuard;
  readonly signal: AbortSignal | undefined;
  readonly onImageProgress: PullOptions['onProgress'];
  readonly onDiskProgress?: ImageDiskOptions['onProgress'];
  /** Where users of the host are recorded; default: with the boxes. */
  readonly hostUsers?: Pick<StateStore, 'boxes'>;
  /** There for a machine that goes on from a capture of a box instead of booting. */
  readonly resume?: ResumeFrom | undefined;
  vmm?: VmmHandler;
  volumes?: readonly CheckedVolume[];
  shares?: readonly VolumeShare[];
  image?: ResolvedImage;
  disk?: ContainerDisk;
  /** There when the disk was made by this start. */
  newDisk?: NewDisk;
  guestRootfsPath?: string;
  kernel?: ChosenKernel;
  /** As it boots. */
  machine?: VmmSpec;
  /** What the VMM says of the machine, where it was asked. */
  snapshotKey?: string;
  /** The template this machine could go on from, whether there is one or not. */
  templateKey?: string;
  /** The same, of a template of its image. */
  imageTemplate?: { readonly key: string; readonly parts: ImageParts } | undefined;
  startedFrom?: StartOrigin;
  /** Key of the template it goes on from, and whether that is one of its image. */
  template?: string;
  templateKind?: TemplateKind;
  jail?: ReportingJail;
  vm?: RunningVm;
  /** Takes back what `spawnMachine` has done, so that the start can go on in another way. */
  undoSpawn?: () => Promise<void>;
  agent?: AgentClient;
}

/** Reads what an earlier stage must have left. A miss is a mistake in the order of stages, not of the user. */
export function required<Context extends object, Key extends keyof Context>(
  context: Context,
  key: Key,
): NonNullable<Context[Key]> {
  const value = context[key];
  if (value === undefined || value === null) throw new TypeError(`stage order: ${String(key)} is not there yet`);
  return value;
}
