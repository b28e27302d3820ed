/** What one version (ABI) of Landlock added, from the kernel's documentation (userspace-api/landlock). */
interface LandlockAddition {
  readonly version: number;
  readonly linux: string;
  readonly what: string;
  /** Only matters to a command that is to have no network. */
  readonly networkOnly?: true;
}

/** The newest version whose rights the helper knows; of a newer one these are used. */
export const NEWEST_KNOWN_VERSION = 7;

export const FIRST_LINUX = '5.13';

/**
 * Version 2 (moving files between directories) takes a restriction away, and 7 adds a log: neither is something a kernel without it fails to hold.
 */
const ADDITIONS: readonly LandlockAddition[] = [
  { version: 1, linux: FIRST_LINUX, what: 'files' },
  { version: 3, linux: '6.2', what: 'truncation' },
  { version: 4, linux: '6.7', what: 'TCP', networkOnly: true },
  { version: 5, linux: '6.10', what: 'device requests' },
  { version: 6, linux: '6.12', what: 'abstract sockets' },
  { version: 6, linux: '6.12', what: 'signals' },
];

const LINUX_OF_VERSION = [FIRST_LINUX, '5.19', '6.2', '6.7', '6.10', '6.12', '6.15'];

/** What a version holds a command with, and what it lacks of the newest known one. */
export interface LandlockCoverage {
  readonly held: readonly string[];
  /** With the kernel that brought it. */
  readonly lacking: readonly string[];
}

export function landlockCoverage(version: number, networkEnabled: boolean): LandlockCoverage {
  const wanted = ADDITIONS.filter(({ networkOnly }) => !(networkOnly === true && networkEnabled));
  return {
    held: wanted.filter((addition) => addition.version <= version).map(({ what }) => what),
    lacking: wanted
      .filter((addition) => addition.version > version)
      .map(({ what, linux }) => `${what} (Linux ${linux})`),
  };
}

/** The first kernel with this version; `after …` for one that is not known. */
export function linuxOfVersion(version: number): string {
  return LINUX_OF_VERSION[version - 1] ?? `after ${LINUX_OF_VERSION.at(-1)}`;
}
