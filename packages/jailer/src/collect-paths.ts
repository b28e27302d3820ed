import { lstatSync, type Stats, statSync } from 'node:fs';
import { realpath, stat } from 'node:fs/promises';
import { type DiskStore, errnoOf, type FileIdentity, type PathAccess, toBoxliteError } from '@boxlite/core';
import type { BoxPathNames, CollectedPaths, PathKind } from './collected-paths.js';

/** A disk of the box as the VMM opens it. */
export interface JailedDisk {
  readonly path: string;
  readonly format: 'raw' | 'qcow2';
  readonly readOnly: boolean;
}

/** What a caller knows before looking. All paths absolute. */
export interface CollectPathsRequest {
  readonly home: string;
  readonly box: BoxPathNames;
  readonly disks: readonly JailedDisk[];
  /** Reads the backing chains. */
  readonly diskStore: Pick<DiskStore, 'chain'>;
  readonly kernel?: string;
  /** `VmmSpec.from.memory`. A symbolic link in its place is not followed, and anything but a regular file is not there. */
  readonly memory?: string;
  /** `VmmHostRequirements.paths`. */
  readonly vmmPaths?: readonly PathAccess[];
  /** `VmmHostRequirements.devices`. */
  readonly devices?: readonly string[];
  readonly volumes?: readonly {
    readonly hostPath: string;
    readonly readOnly: boolean;
    readonly identity?: FileIdentity;
  }[];
  /** See `CollectedPaths.stagedShares`. */
  readonly stagedShares?: readonly PathAccess[];
  /** Default false. */
  readonly vmmWritesLogs?: boolean;
  readonly socketLink?: { readonly path: string; readonly target: string };
  /** Default: this platform. */
  readonly platform?: 'linux' | 'darwin';
}

/**
 * Looks at the host and reports what the path rules decide from: what exists and which files the disks stand on.
 *
 * The box's own places are not followed if they are symbolic links: the VMM could have put one there.
 * @throws BoxliteError of the disk store for a damaged chain; `storage_error` when a path cannot be examined
 */
export async function collectPaths(request: CollectPathsRequest): Promise<CollectedPaths> {
  const { home, box, volumes = [], stagedShares = [], vmmPaths = [], devices = [] } = request;
  const chains = await Promise.all(request.disks.map((disk) => chainBelow(request.diskStore, disk)));
  const backingFiles = chains.flat();
  const platform = request.platform ?? (process.platform === 'darwin' ? 'darwin' : 'linux');
  const own = [
    ...boxPlaces(box),
    ...request.disks.map((disk) => disk.path),
    ...stagedShares.map(({ path }) => path),
    ...(request.memory === undefined ? [] : [request.memory]),
  ];
  const parents = platform === 'darwin' ? backingFiles.map((file) => file.slice(0, file.lastIndexOf('/')) || '/') : [];
  const foreign = [
    home,
    `${home}/db`,
    `${home}/boxes`,
    ...backingFiles,
    ...parents,
    ...(request.kernel === undefined ? [] : [request.kernel]),
    ...vmmPaths.map((access) => access.path),
    ...devices,
  ];
  const kinds = new Map<string, PathKind>();
  const note = (path: string, kind: PathKind | undefined) => {
    if (kind !== undefined) kinds.set(path, kind);
  };
  // Volumes may lie on the network; all else is local, where a blocking look costs a tenth of a turn through Node's thread pool.
  await Promise.all(volumes.map(async ({ hostPath }) => note(hostPath, await kindOfRemote(hostPath))));
  for (const path of new Set(foreign)) note(path, kindOf(path, true));
  // Second, so that a path that is both is judged by the stricter look.
  for (const path of own) kinds.delete(path);
  for (const path of new Set(own)) note(path, kindOf(path, false));
  return {
    platform,
    home: { path: home, realPath: await realPathOr(home) },
    box,
    kinds,
    disks: request.disks.map(({ path, readOnly }) => ({ path, writable: !readOnly })),
    backingFiles,
    backingIdentities: new Map(backingFiles.flatMap((path) => entryOf(path, identityOf(path, true)))),
    ...(request.kernel === undefined ? {} : { kernel: request.kernel }),
    ...(request.memory === undefined ? {} : { memory: memoryFile(request.memory) }),
    vmm: vmmPaths,
    devices,
    volumes: await Promise.all(
      volumes.map(async ({ hostPath, readOnly, identity }) => ({
        path: hostPath,
        realPath: await realPathOr(hostPath),
        readOnly,
        ...(identity === undefined ? {} : { identity }),
      })),
    ),
    stagedShares,
    vmmWritesLogs: request.vmmWritesLogs ?? false,
    ...(request.socketLink === undefined ? {} : { socketLink: request.socketLink }),
  };
}

/** Named one by one: what is passed may be a whole layout with more in it. */
function boxPlaces(box: BoxPathNames): string[] {
  const { dir, socketsDir, tmpDir, sharedDir, binDir, mountsDir, controlDir, caDir, logsDir } = box;
  return [dir, socketsDir, tmpDir, sharedDir, binDir, mountsDir, controlDir, caDir, logsDir].concat(
    box.exitFile,
    box.pidFile,
    box.stderrFile,
  );
}

/** The files below one disk, nearest first; none for a disk that is not there yet. */
async function chainBelow(store: Pick<DiskStore, 'chain'>, disk: JailedDisk): Promise<string[]> {
  if (kindOf(disk.path, false) === undefined) return [];
  const layers = await store.chain(disk.path, disk.format);
  return layers.slice(1).map((layer) => layer.path);
}

function kindOf(path: string, follow: boolean): PathKind | undefined {
  try {
    return kindOfFile((follow ? statSync : lstatSync)(path, { throwIfNoEntry: false }));
  } catch (thrown) {
    return absentOrThrow(path, thrown);
  }
}

async function kindOfRemote(path: string): Promise<PathKind | undefined> {
  try {
    return kindOfFile(await stat(path));
  } catch (thrown) {
    return absentOrThrow(path, thrown);
  }
}

function kindOfFile(found: Stats | undefined): PathKind | undefined {
  if (found === undefined) return undefined;
  if (found.isFile()) return 'file';
  if (found.isDirectory()) return 'directory';
  return found.isCharacterDevice() || found.isBlockDevice() ? 'device' : undefined;
}

function memoryFile(path: string): NonNullable<CollectedPaths['memory']> {
  const identity = identityOf(path, false);
  return { path, ...(identity === undefined ? {} : { identity }) };
}

/** As an entry of a map, if there is something. */
function entryOf(path: string, identity: FileIdentity | undefined): readonly (readonly [string, FileIdentity])[] {
  return identity === undefined ? [] : [[path, identity]];
}

/** Undefined for a file that is not there. */
function identityOf(path: string, follow: boolean): FileIdentity | undefined {
  try {
    const found = (follow ? statSync : lstatSync)(path, { bigint: true, throwIfNoEntry: false });
    return found && { device: String(found.dev), inode: String(found.ino) };
  } catch (thrown) {
    return absentOrThrow(path, thrown);
  }
}

function absentOrThrow(path: string, thrown: unknown): undefined {
  if (!isAbsent(thrown)) throw toBoxliteError(thrown, 'storage_error', `cannot examine ${path} for the jail`);
}

async function realPathOr(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (thrown) {
    if (isAbsent(thrown)) return path;
    throw toBoxliteError(thrown, 'storage_error', `cannot resolve ${path} for the jail`);
  }
}

/** A place this user cannot reach is as good as not there: it could not be granted either. */
function isAbsent(thrown: unknown): boolean {
  return ['ENOENT', 'ENOTDIR', 'EACCES', 'ELOOP'].includes(errnoOf(thrown) ?? '');
}
