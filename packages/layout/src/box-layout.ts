import { join } from 'node:path';
import { type BoxId, BoxliteError } from '@boxlite/core';
import { cleanupBox } from './cleanup-box.js';
import { type MountIsolation, type MountIsolationRequest, resolveMountIsolation } from './mount-isolation.js';
import { prepareBox } from './prepare-box.js';
import { controlLinkPath, socketLinkPath } from './socket-link-path.js';

/** How a box's mounts are isolated. */
export type BoxLayoutOptions = MountIsolationRequest;

/** What a box layout takes from its home. */
export interface BoxSurroundings {
  readonly boxesDir: string;
  readonly linkRoot: string;
  readonly uid: number;
  readonly platform: NodeJS.Platform;
}

/** Host-side preparation area of one container. */
export interface ContainerMounts {
  readonly dir: string;
  readonly image: string;
  readonly upper: string;
  readonly work: string;
  readonly rootfs: string;
}

/** Every path of one box. Making it touches nothing. */
export interface BoxLayout {
  readonly id: BoxId;
  readonly dir: string;
  /** The owner every directory must have. */
  readonly uid: number;
  /** The only directory of sockets the VMM sees. Bind and dial through {@link BoxLayout.socketLink}. */
  readonly socketsDir: string;
  /** Short link to `socketsDir`; made by `ensureSocketLinks`. */
  readonly socketLink: string;
  /** The agent, through the short link. */
  readonly agentSocket: string;
  /** Readiness, through the short link. */
  readonly readySocket: string;
  /** Network backend, through the short link. */
  readonly networkSocket: string;
  /** Never in the jail. Bind and dial through {@link BoxLayout.controlLink}. */
  readonly controlDir: string;
  /** Short link to `controlDir`. */
  readonly controlLink: string;
  /** Host clients of the supervisor, through the short link. */
  readonly apiSocket: string;
  /** QEMU's monitor, through the short link. */
  readonly qmpSocket: string;
  /** The VMM's temporary files. */
  readonly tmpDir: string;
  /** Where the host prepares what the guest shall see; the same as `sharedDir` without isolation. */
  readonly mountsDir: string;
  /** What the guest sees by virtiofs. */
  readonly sharedDir: string;
  readonly isolation: MountIsolation;
  /** Copied shim and libraries; not made by `prepare`. */
  readonly binDir: string;
  /** MITM certificate authority; not made by `prepare`. */
  readonly caDir: string;
  /** Mode 0644. */
  readonly caCertificate: string;
  /** Mode 0600. */
  readonly caKey: string;
  readonly logsDir: string;
  /** Kernel and init output, capped; one rotation is beside it with `.1`. */
  readonly consoleLog: string;
  readonly disksDir: string;
  /** The writable disk of the container, an overlay of its image's disk. */
  readonly containerDisk: string;
  /** The same where it is a raw clone of the image's disk: its name is no overlay's, so that nobody looks for a backing name in it. */
  readonly rawContainerDisk: string;
  /** Memory snapshots of the box, a directory each; not made by `prepare`. */
  readonly snapshotsDir: string;
  /** Where a guest overlay is used. */
  readonly guestRootfsOverlay: string;
  /** Supervisor and VMM with host pid and start time: the source of truth. */
  readonly pidFile: string;
  readonly stderrFile: string;
  /** Crash record. Empty means none. */
  readonly exitFile: string;
  readonly exitPreviousFile: string;
  /** Paths of a container's preparation area. @throws BoxliteError `invalid_argument` when the id is not one path component */
  container(containerId: string): ContainerMounts;
  /**
   * Makes sockets, control, their short links, tmp, disks, mounts or shared, and logs; never bin or ca. Idempotent.
   * @returns warnings, each a sentence for the person
   * @throws BoxliteError `permission_denied`, `storage_error`, or `already_exists` for a link that belongs to another home
   */
  prepare(): Promise<readonly string[]>;
  /**
   * Removes the box directory and the links; a missing directory is fine.
   * @throws BoxliteError `invalid_state` when something is still mounted below it; `storage_error`
   */
  cleanup(): Promise<void>;
}

/** The layout of one box; normally reached through `HomeLayout.box`. */
export function createBoxLayout(around: BoxSurroundings, id: BoxId, options: BoxLayoutOptions = {}): BoxLayout {
  const dir = join(around.boxesDir, id);
  const { isolation, warning } = resolveMountIsolation(options, around.platform);
  const sharedDir = join(dir, 'shared');
  const mountsDir = isolation === 'none' ? sharedDir : join(dir, 'mounts');
  const socketLink = socketLinkPath(id, around.uid, around.linkRoot);
  const controlLink = controlLinkPath(id, around.uid, around.linkRoot);
  const layout: BoxLayout = {
    id,
    dir,
    uid: around.uid,
    socketsDir: join(dir, 'sockets'),
    socketLink,
    agentSocket: join(socketLink, 'box.sock'),
    readySocket: join(socketLink, 'ready.sock'),
    networkSocket: join(socketLink, 'net.sock'),
    controlDir: join(dir, 'control'),
    controlLink,
    apiSocket: join(controlLink, 'api.sock'),
    qmpSocket: join(controlLink, 'qmp.sock'),
    tmpDir: join(dir, 'tmp'),
    mountsDir,
    sharedDir,
    isolation,
    binDir: join(dir, 'bin'),
    caDir: join(dir, 'ca'),
    caCertificate: join(dir, 'ca', 'cert.pem'),
    caKey: join(dir, 'ca', 'key.pem'),
    logsDir: join(dir, 'logs'),
    consoleLog: join(dir, 'logs', 'console.log'),
    disksDir: join(dir, 'disks'),
    containerDisk: join(dir, 'disks', 'disk.qcow2'),
    rawContainerDisk: join(dir, 'disks', 'disk.raw'),
    snapshotsDir: join(dir, 'snapshots'),
    guestRootfsOverlay: join(dir, 'disks', 'guest-rootfs.qcow2'),
    pidFile: join(dir, 'shim.pid'),
    stderrFile: join(dir, 'shim.stderr'),
    exitFile: join(dir, 'exit'),
    exitPreviousFile: join(dir, 'exit.previous'),
    container: (containerId) => containerMounts(mountsDir, containerId),
    prepare: async () => {
      await prepareBox(layout);
      return warning === undefined ? [] : [warning];
    },
    cleanup: () => cleanupBox(layout),
  };
  return layout;
}

function containerMounts(mountsDir: string, containerId: string): ContainerMounts {
  if (!/^[A-Za-z0-9_-]{1,128}$/.test(containerId)) {
    throw new BoxliteError('invalid_argument', `${JSON.stringify(containerId.slice(0, 160))} is not a container id`, {
      hint: 'a container id is 1 to 128 characters of A-Z a-z 0-9 _ -',
      details: { field: 'containerId' },
    });
  }
  const dir = join(mountsDir, 'containers', containerId);
  return {
    dir,
    image: join(dir, 'image'),
    upper: join(dir, 'overlayfs', 'upper'),
    work: join(dir, 'overlayfs', 'work'),
    rootfs: join(dir, 'rootfs'),
  };
}
