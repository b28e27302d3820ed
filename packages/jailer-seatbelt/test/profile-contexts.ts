import type { ProfileContext } from '../src/profile/seatbelt-profile.js';

const HOME = '/Users/ann/.boxlite';
export const BOX = `${HOME}/boxes/b0xA1b2C3d4E`;
export const SHIM = `${BOX}/bin/boxlite-shim`;
const SECOND_BASE = `${HOME}/bases/aaaa1111.qcow2`;
const IMAGE_DISK = `${HOME}/images/disk-images/sha256-0011.ext4`;
const KERNEL = `${HOME}/kernels/4d3c2b1a`;
const GUEST_ROOTFS = `${HOME}/bases/bbbb2222.ext4`;

type Grant = ProfileContext['paths'][number];
const readOnly = (path: string): Grant => ({ path, writable: false });
const readWrite = (path: string): Grant => ({ path, writable: true });

/** The table of the specification, section 2, for a box on macOS, written out by hand. */
export const DEFAULT_GRANTS: readonly Grant[] = [
  readWrite(`${BOX}/sockets`),
  readWrite(`${BOX}/tmp`),
  readWrite(`${BOX}/shared`),
  readWrite(`${BOX}/disks/disk.qcow2`),
  readWrite(`${BOX}/disks/guest-rootfs.qcow2`),
  readOnly(`${BOX}/bin`),
  readOnly(KERNEL),
  readOnly(SECOND_BASE),
  readOnly(IMAGE_DISK),
  readOnly(GUEST_ROOTFS),
  // libkrun on macOS looks at the directories of the chain, too.
  readOnly(`${HOME}/bases`),
  readOnly(`${HOME}/images/disk-images`),
  readOnly('/opt/homebrew/lib/libkrun.1.dylib'),
];

/** The rows of the specification that are never granted. */
export const DEFAULT_MASKS: readonly string[] = [
  `${HOME}/`,
  `${HOME}/db/`,
  `${HOME}/boxes/`,
  `${BOX}/`,
  `${BOX}/mounts/`,
  `${BOX}/control/`,
  `${BOX}/ca/`,
  `${BOX}/shim.pid`,
  `${BOX}/shim.stderr`,
];

export const DEFAULT_BOX: ProfileContext = {
  paths: DEFAULT_GRANTS,
  maskedPaths: DEFAULT_MASKS,
  symlinks: [{ path: '/tmp/bl-501/b0xA1b2C3d4E', target: `${BOX}/sockets` }],
  networkEnabled: false,
};

export const NESTED_VOLUMES: ProfileContext = {
  ...DEFAULT_BOX,
  paths: [
    ...DEFAULT_GRANTS,
    readWrite('/Users/ann/work'),
    readOnly('/Users/ann/work/vendor'),
    readWrite('/Users/ann/work/vendor/cache'),
    readOnly('/Volumes/data/models'),
    readWrite('/tmp/scratch'),
  ],
};

/** Volumes that hold what must stay hidden. */
export const MASKS_IN_VOLUMES: ProfileContext = {
  ...DEFAULT_BOX,
  paths: [...DEFAULT_GRANTS, readWrite('/Users/ann'), readOnly('/var/log')],
  maskedPaths: [...DEFAULT_MASKS, '/Users/ann/.ssh/', '/Users/ann/.netrc', '/private/var/log/secret/'],
};

export const HOSTILE_NAMES: readonly string[] = [
  '/Users/ann/a"b',
  '/Users/ann/a\\b',
  '/Users/ann/ends\\',
  '/Users/ann/two\nlines',
  '/Users/ann/tab\tand\rreturn',
  '/Users/ann/(deny default)',
  '/Users/ann/") (subpath "/x',
  '/Users/ann/"))\n(allow file-write* (subpath "/"))\n(allow file-read* (literal "x',
  '/Users/ann/\\") (subpath "/x',
  '/Users/ann/; comment',
  '/Users/ann/#|block|#',
  '/Users/ann/#"regex"',
  '/Users/ann/*?[a-z]',
  '/Users/ann/$(id)`id`',
  '/Users/ann/(param "HOME")',
  '/Users/ann/\u0001\u001b[31m\u007f',
  '/Users/ann/caf\u00e9',
  '/Users/ann/cafe\u0301',
  '/Users/ann/\ud55c\uae00\u{1f4a9}',
  '/Users/ann/\u202etxt.exe',
];

export const HOSTILE: ProfileContext = {
  paths: HOSTILE_NAMES.map((path, index) => ({ path, writable: index % 2 === 0 })),
  maskedPaths: HOSTILE_NAMES.map((path) => `${path}/hid"den/`),
  networkEnabled: false,
};

/** What a user of the package alone would write: one directory, no network. */
export const ALONE: ProfileContext = {
  paths: [readOnly('/opt/homebrew'), readWrite('/private/tmp/work')],
  networkEnabled: false,
};
