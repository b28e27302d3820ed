import { readFileSync, statSync } from 'node:fs';
import { realpath } from 'node:fs/promises';
import { dirname } from 'node:path';
import { errnoOf, toBoxliteError } from '@boxlite/core';
import { type FilesystemPlace, isForbiddenVolume, parseMountTable, placesShown, showsPlace } from '@boxlite/layout';

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

/**
 * The guard over volumes (spec section 2): nothing that is, or contains, `/`, the user's home or the BoxLite home, and nothing in the BoxLite
 * home. Beyond that nothing of `/proc`, `/sys`, `/dev` and `/run`: a virtual machine needs no directory of the host's kernel or of its services, and a
 * VMM that was taken over could talk to every socket it is shown (Docker's, D-Bus').
 *
 * Names are compared first, then inodes (a file system may ignore case), then places in file systems, which see through bind mounts, also those below
 * the volume: a sandbox shows a directory with what is mounted in it.
 * @param userHome need not exist: a user without a home has none to protect
 * @param mountinfo text of `/proc/self/mountinfo`; default: read, where there is one
 */
export async function volumeGuard(
  userHome: string,
  boxliteHome: string,
  mountinfo = readMountinfo(),
): Promise<VolumeGuard> {
  const [home, boxes] = await Promise.all([canonicalHome(userHome), canonicalHome(boxliteHome)]);
  const table = parseMountTable(mountinfo);
  const placesOf = (path: string): readonly FilesystemPlace[] => placesShown(table, path);
  const [rootPlace] = placesOf('/');
  const [homePlace] = placesOf(home);
  const boxesPlaces = placesOf(boxes);
  const kept = [rootPlace, homePlace, ...boxesPlaces].filter((place) => place !== undefined);
  const aboveHomes = new Set([...identitiesUpwards(home), ...identitiesUpwards(boxes)]);
  const boxesIdentity = identityOf(boxes);
  return (path) => {
    const shown = placesOf(path);
    const upwards = identitiesUpwards(path);
    if (
      isForbiddenVolume(path, home, boxes) ||
      path.startsWith(`${boxes}/`) ||
      (upwards[0] !== undefined && aboveHomes.has(upwards[0])) ||
      (boxesIdentity !== undefined && upwards.includes(boxesIdentity)) ||
      shown.some(
        (place) =>
          kept.some((inner) => showsPlace(place, inner)) ||
          boxesPlaces.some((boxesPlace) => showsPlace(boxesPlace, place)),
      )
    ) {
      return HOMES;
    }
    const kernel = shown.find(({ type }) => KERNEL_FILESYSTEMS.has(type));
    if (kernel !== undefined) return `is or contains a file system of the kernel (${kernel.type})`;
    return ofTheMachine(`${path}/`);
  };
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
    // A user without a home directory has none to protect; the path is still refused.
    if (errnoOf(thrown) === 'ENOENT') return path;
    throw toBoxliteError(thrown, 'storage_error', `cannot resolve ${path}`);
  }
}
