import { readFileSync, statSync } from 'node:fs';
import { realpath } from 'node:fs/promises';
import { dirname } from 'node:path';
import { errnoOf, toBoxliteError } from '@boxlite/core';
import { type FilesystemPlace, type Mount, parseMountTable, placesShown, showsPlace } from '@boxlite/layout';

/** Says why no box may be given a canonical path; undefined when one may. */
export type VolumeGuard = (canonicalPath: string) => string | undefined;

const HOMES = 'is or contains /, your home or the BoxLite home, or lies in the BoxLite home';
/**
 * File systems through which the kernel is asked and told things: what a box could do there is what their files' modes permit to the user
 * who runs it.
 */
const KERNEL_FILESYSTEMS = new Set(
  [
    'proc',
    'sysfs',
    'cgroup',
    'cgroup2',
    'devtmpfs',
    'devpts',
    'securityfs',
    'debugfs',
    'tracefs',
    'bpf',
    'pstore',
  ].concat(
    ...['efivarfs', 'configfs', 'mqueue', 'binfmt_misc', 'fusectl', 'nsfs', 'rpc_pipefs', 'selinuxfs', 'smackfs'],
  ),
);
/** What desktops mount there belongs to the person: /run/media/<user>/<disk>. */
const MEDIA = '/run/media/';
const SHARED_MEMORY = '/dev/shm/';

/** A directory no volume may be or contain, and, where it is all ours, none may lie in. */
interface KeptDirectory {
  /** Canonical. */
  readonly path: string;
  readonly withAllInIt: boolean;
  readonly why: string;
}

/** Where volumes must not lead. */
export interface GuardedPlaces {
  /** Need not exist: a user without a home has none to protect. */
  readonly userHome: string;
  readonly boxliteHome: string;
  /** The directory of the short links to the sockets of boxes. */
  readonly linkParent: string;
  /** Text of `/proc/self/mountinfo`; default: read, where there is one. */
  readonly mountinfo?: string;
}

/**
 * The guard over volumes (spec section 2): nothing that is, or contains, `/`, the user's home or the BoxLite home, and nothing in the BoxLite
 * home. Beyond that nothing of `/proc`, `/sys`, `/dev` and `/run`: a virtual machine needs no directory of the host's kernel or of its services, and a
 * VMM that was taken over could talk to every socket it is shown (Docker's, D-Bus'). Nor `/tmp` as a whole, in which the short links of all boxes lie:
 * whoever writes there decides where another box's supervisor listens.
 *
 * Names are compared first, then inodes (a file system may ignore case), then places in file systems, which see through bind mounts, also those below
 * the volume: a sandbox shows a directory with what is mounted in it.
 */
export async function volumeGuard(places: GuardedPlaces): Promise<VolumeGuard> {
  const [home, boxes, links] = await Promise.all([
    canonicalHome(places.userHome),
    canonicalHome(places.boxliteHome),
    canonicalHome(places.linkParent),
  ]);
  const table = parseMountTable(places.mountinfo ?? readMountinfo());
  const refuses = [
    { path: '/', withAllInIt: false, why: HOMES },
    { path: home, withAllInIt: false, why: HOMES },
    { path: boxes, withAllInIt: true, why: HOMES },
    { path: links, withAllInIt: true, why: `holds the links to the sockets of your boxes (${links})` },
  ].map((kept) => ({ refuse: refuserOf(kept, table), why: kept.why }));
  return (path) => {
    const shown = placesShown(table, path);
    const upwards = identitiesUpwards(path);
    const found = refuses.find(({ refuse }) => refuse(path, shown, upwards));
    if (found !== undefined) return found.why;
    const kernel = shown.find(({ type }) => KERNEL_FILESYSTEMS.has(type));
    if (kernel !== undefined) return `is or contains a file system of the kernel (${kernel.type})`;
    return ofTheMachine(`${path}/`);
  };
}

type Refuser = (path: string, shown: readonly FilesystemPlace[], upwards: readonly (string | undefined)[]) => boolean;

function refuserOf({ path: kept, withAllInIt }: KeptDirectory, table: readonly Mount[]): Refuser {
  const ownPlaces = placesShown(table, kept);
  // What is mounted in a directory that is not all ours is something else.
  const places = withAllInIt ? ownPlaces : ownPlaces.slice(0, 1);
  const above = identitiesUpwards(kept);
  const identity = above[0];
  return (path, shown, upwards) => {
    const contains =
      isWithin(path, kept) ||
      (upwards[0] !== undefined && above.includes(upwards[0])) ||
      shown.some((place) => places.some((inner) => showsPlace(place, inner)));
    if (contains || !withAllInIt) return contains;
    return (
      isWithin(kept, path) ||
      (identity !== undefined && upwards.includes(identity)) ||
      shown.some((place) => places.some((outer) => showsPlace(outer, place)))
    );
  };
}

function isWithin(directory: string, path: string): boolean {
  return path === directory || path.startsWith(directory === '/' ? '/' : `${directory}/`);
}

function ofTheMachine(path: string): string | undefined {
  const place = ['/proc/', '/sys/', '/dev/', '/run/'].find((directory) => path.startsWith(directory));
  if (place === undefined || path.startsWith(MEDIA) || path.startsWith(SHARED_MEMORY)) return undefined;
  const why = place === '/run/' ? 'where services of this machine listen' : 'which is the kernel of this machine';
  return `lies in ${place.slice(0, -1)}, ${why}`;
}

/** Of a directory and all above it, itself first; undefined for what cannot be looked at. */
function identitiesUpwards(path: string): readonly (string | undefined)[] {
  const above = dirname(path);
  return above === path ? [identityOf(path)] : [identityOf(path), ...identitiesUpwards(above)];
}

function identityOf(path: string): string | undefined {
  try {
    const found = statSync(path, { bigint: true, throwIfNoEntry: false });
    return found && `${found.dev}:${found.ino}`;
  } catch {
    return undefined; // Not to be reached by this user: then names and places have to tell.
  }
}

function readMountinfo(): string {
  try {
    return readFileSync('/proc/self/mountinfo', 'utf8');
  } catch (thrown) {
    // macOS has no such file, and no bind mounts either.
    if (errnoOf(thrown) === 'ENOENT') return '';
    throw toBoxliteError(thrown, 'storage_error', 'cannot read what is mounted');
  }
}

async function canonicalHome(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (thrown) {
    // A user without a home directory has none to protect, and no box no links; the path is still refused.
    if (errnoOf(thrown) === 'ENOENT') return path;
    throw toBoxliteError(thrown, 'storage_error', `cannot resolve ${path}`);
  }
}
