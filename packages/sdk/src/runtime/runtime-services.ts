import type {
  BoxId,
  BoxRecord,
  DiskStore,
  GuestChannel,
  ImageProgress,
  ImageRecord,
  Jail,
  JailRecord,
  Lease,
  Platform,
  PluginRegistry,
  ResolvedImage,
  StateStore,
  Supervisor,
  VmmHandler,
  VmmSpec,
} from '@boxlite/core';
import type { AgentClient } from '@boxlite/guest-agent';
import type { ImageCache } from '@boxlite/images';
import type { BoxLayout, HomeLayout } from '@boxlite/layout';
import type {
  GuestRootfsUsage,
  HeldGuestRootfs,
  HeldImageDisk,
  ImageContent,
  ImageDiskCollection,
  ImageDiskPolicy,
  ImageDiskRequest,
  ImageDiskUsage,
} from '@boxlite/rootfs';
import type { Box } from '../box/box.js';
import type { ContainerDisk } from '../init/container-disk.js';
import type { ChooseKernel } from '../kernel/kernel-service.js';
import type { ResolvedBoxOptions } from '../options/box-options.js';
import type { CheckedVolume } from '../options/volume.js';
import type { BoxHooks } from '../snapshot/hooks.js';
import type { MachineShape } from '../template/machine-shape.js';
import type { TemplateSettings } from '../template/template-settings.js';
import type { TemplateStore } from '../template/template-store.js';
import type { Log } from './log.js';
import type { MetricsCounter } from './runtime-metrics.js';

/** How an image is fetched. */
export interface PullOptions {
  readonly platform?: Platform;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: ImageProgress) => void) | undefined;
  readonly pull?: 'missing' | 'always' | 'never';
}

/** Which disk of an image is wanted: of how many bytes (default 10 GiB), and how its making is watched and ended. */
export type ImageDiskOptions = Pick<ImageDiskRequest, 'sizeBytes' | 'signal' | 'onProgress'>;

/** What a jail is built from for one start. */
export interface JailRequest {
  readonly box: BoxLayout;
  readonly options: ResolvedBoxOptions;
  readonly spec: VmmSpec;
  readonly vmm: VmmHandler;
  readonly volumes: readonly CheckedVolume[];
  /** As the box or its image says; decides whose the files of volumes are in the guest. */
  readonly containerUser: string;
  /** The store that made the box's disk, and what over. Default: the store for new disks, and a disk that has no base recorded. */
  readonly disk?: Pick<ContainerDisk, 'store' | 'base'>;
  /** The user of the host the VMM becomes; asked for only where root starts a jailed one. */
  readonly hostUser?: () => Promise<{ readonly uid: number; readonly gid: number }>;
}

/** Boxes that are made while somebody waits for all of them. */
export interface NewBoxes {
  /** Records a box that is nobody's yet (`pooled`): without this process, it is removed. @throws BoxliteError `already_exists` */
  claim(record: BoxRecord): Promise<Box>;
  /** Makes it an ordinary one. */
  handOut(box: Box): Promise<void>;
}

/** What the services know of the runtime they work for. */
export interface RuntimeOwner {
  /** Aborted with `stopped` when the runtime shuts down. */
  readonly lifetime: AbortSignal;
  /** Told of each box that is removed, by whatever way. */
  boxRemoved(id: BoxId): Promise<void>;
  readonly hooks: BoxHooks;
  readonly newBoxes: NewBoxes;
  /** Told of each box that booted where a template could have been. */
  startedCold(shape: MachineShape): void;
  /** Told of each command in a box: what is done in the background waits. */
  boxUsed(): void;
}

/**
 * What the init pipeline and the lifecycle use. `assembleServices` makes it from the packages, each loaded on first use, so that listing
 * boxes loads neither a VMM nor an image source.
 */
export interface RuntimeServices extends RuntimeOwner {
  readonly layout: HomeLayout;
  readonly store: StateStore;
  readonly registry: PluginRegistry;
  readonly log: Log;
  readonly metrics: MetricsCounter;
  vmm(id?: string): Promise<VmmHandler>;
  /** For a machine that runs already: nothing is probed. Undefined when no plugin of this id is registered. */
  vmmToAttach(id: string): Promise<VmmHandler | undefined>;
  /** Records the image, or its use, too. */
  resolveImage(reference: string, options?: PullOptions): Promise<ResolvedImage>;
  /** The file of the plugin an image comes from; undefined for BoxLite's own sources. @throws BoxliteError `plugin_duplicate` */
  imageSourceOrigin(reference: string): Promise<string | undefined>;
  /** The blobs and records of this home. */
  imageCache(): Promise<ImageCache>;
  /** What a user's text means among the images of this home. @throws BoxliteError `invalid_argument` for an ambiguous id */
  findImage(text: string): Promise<ImageRecord | undefined>;
  /** A recorded image, without asking anybody outside for it; undefined when it is not all here, or its source is not. */
  storedImage(record: ImageRecord): Promise<ResolvedImage | undefined>;
  /** @param store id of the one that made a disk, which is not probed; default: the best for new disks */
  disks(store?: string): Promise<DiskStore>;
  /** The shared ext4 disk of an image, made when it is missing. Leased against garbage collection until it is released; make the overlay first. */
  imageDisk(image: ResolvedImage, options?: ImageDiskOptions): Promise<HeldImageDisk>;
  /** The keys of the disks an image can have, whether they exist or not: to tell whose the rows of `imageDiskUsage` are. */
  imageDiskKeys(image: ImageContent): Promise<readonly string[]>;
  /** The image disks of the home, the least recently used first. */
  imageDiskUsage(): Promise<readonly ImageDiskUsage[]>;
  /** Removes image disks that nobody needs, as the policy says. */
  collectImageDisks(policy: ImageDiskPolicy): Promise<ImageDiskCollection>;
  /** Notes that the image disk under the disk of a box was used until now. Never fails. */
  noteDiskUse(box: Pick<BoxLayout, 'id' | 'containerDisk'>): Promise<void>;
  /** Leased against garbage collection until it is released; record its use by a box before that. */
  guestRootfs(signal?: AbortSignal): Promise<HeldGuestRootfs>;
  /** The guest rootfs disks of the home. */
  guestRootfsUsage(): Promise<readonly GuestRootfsUsage[]>;
  /** Removes guest rootfs disks that nobody needs. @param homeLease the exclusive lease of the home, which the caller holds */
  collectGuestRootfs(homeLease: Lease): Promise<number>;
  /** The kernel of a choice: see {@link ChooseKernel}. */
  readonly kernel: ChooseKernel;
  supervisor(): Promise<Supervisor>;
  /** Begins, once, with what a start needs later and what does not depend on how it goes until then: modules to load, programs that try what this host can do. */
  lookAhead?(options: ResolvedBoxOptions): void;
  jail(request: JailRequest): Promise<Jail>;
  /** True where the jail of a box is not dispensable and holds what it grants for reading read-only, whatever the VMM tries. */
  showsReadOnly(options: ResolvedBoxOptions): Promise<boolean>;
  /**
   * Removes what the jails of a box have left on the host, its cgroup. Nothing of the box runs any more.
   * @param jail of its last start, as recorded
   */
  forgetJail(id: BoxId, jail?: JailRecord): Promise<void>;
  agent(channel: GuestChannel): Promise<AgentClient>;
  /** The templates of this home, and what this runtime does with them. */
  readonly templates: { readonly store: TemplateStore; readonly settings: TemplateSettings };
}
