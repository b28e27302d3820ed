import type {
  BoxId,
  DiskStore,
  GuestChannel,
  GuestKernel,
  ImageProgress,
  Jail,
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
import type { BoxLayout, HomeLayout } from '@boxlite/layout';
import type { HeldGuestRootfs } from '@boxlite/rootfs';
import type { ResolvedBoxOptions } from '../options/box-options.js';
import type { CheckedVolume } from '../options/volume.js';
import type { Log } from './log.js';
import type { MetricsCounter } from './runtime-metrics.js';

/** How an image is fetched. */
export interface PullOptions {
  readonly platform?: Platform;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: ImageProgress) => void) | undefined;
  readonly pull?: 'missing' | 'always' | 'never';
}

/** What a jail is built from for one start. */
export interface JailRequest {
  readonly box: BoxLayout;
  readonly options: ResolvedBoxOptions;
  readonly spec: VmmSpec;
  readonly vmm: VmmHandler;
  readonly volumes: readonly CheckedVolume[];
  /** As the box or its image says; decides whose the files of volumes are in the guest. */
  readonly containerUser: string;
}

/** What the services know of the runtime they work for. */
export interface RuntimeOwner {
  /** Aborted with `stopped` when the runtime shuts down. */
  readonly lifetime: AbortSignal;
  /** Told of each box that is removed, by whatever way. */
  boxRemoved(id: BoxId): Promise<void>;
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
  resolveImage(reference: string, options?: PullOptions): Promise<ResolvedImage>;
  disks(): Promise<DiskStore>;
  /** The shared ext4 disk of an image, made when it is missing. */
  imageDisk(image: ResolvedImage, sizeBytes: number, signal?: AbortSignal): Promise<string>;
  /** Leased against garbage collection until it is released; record its use by a box before that. */
  guestRootfs(signal?: AbortSignal): Promise<HeldGuestRootfs>;
  /** Removes guest rootfs disks that nobody needs. @param homeLease the exclusive lease of the home, which the caller holds */
  collectGuestRootfs(homeLease: Lease): Promise<number>;
  /** @param source id of a kernel source; default: the best that is available */
  kernel(signal?: AbortSignal, source?: string): Promise<GuestKernel>;
  supervisor(): Promise<Supervisor>;
  jail(request: JailRequest): Promise<Jail>;
  /** Removes what the jails of a box have left on the host, its cgroup. Nothing of the box runs any more. */
  forgetJail(id: BoxId): Promise<void>;
  agent(channel: GuestChannel): Promise<AgentClient>;
}
