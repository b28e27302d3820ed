import { readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import {
  busyboxEntries,
  findBusybox,
  type OciImage,
  type OciImageConfig,
  ociImage,
  type TarEntry,
  tarArchive,
  writeOciLayout,
} from '../../scripts/starter-image.mjs';

/** An image on disk, as an OCI layout. */
export interface FixtureImage {
  readonly directory: string;
  /** What a box takes as its image. */
  readonly reference: string;
  readonly manifestDigest: string;
  /** The lowest first. */
  readonly layerDigests: readonly string[];
}

/** What a test may want differently. */
export interface BusyboxImageOptions {
  /** Merged over the image's own: user root, `/work`, `GREETING=hello`, `sh`. */
  readonly config?: OciImageConfig;
  /** Further layers over busybox's, each as entries of a tar. */
  readonly layers?: readonly (readonly TarEntry[])[];
  readonly tag?: string;
}

/** Uid and gid of the user and group `app`. */
export const APP_ID = 1000;
/** In the image, mode 0644. */
export const NOT_EXECUTABLE_PATH = '/usr/local/bin/not-executable';

const CONFIG = {
  Env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', 'GREETING=hello'],
  Cmd: ['sh'],
  WorkingDir: '/work',
} satisfies OciImageConfig;

/** What the tests need beside the starter image's files, or instead of those of the same name. */
const TEST_ENTRIES: readonly TarEntry[] = [
  {
    name: 'etc/passwd',
    type: 'file',
    content:
      'root:x:0:0:root:/root:/bin/sh\n' +
      `app:x:${APP_ID}:${APP_ID}:app:/home/app:/bin/sh\n` +
      'nobody:x:65534:65534:nobody:/:/bin/false\n',
  },
  { name: 'etc/group', type: 'file', content: `root:x:0:\napp:x:${APP_ID}:\nextra:x:2000:app\nnogroup:x:65534:\n` },
  { name: 'home/', type: 'directory' },
  { name: 'home/app/', type: 'directory', mode: 0o700, uid: APP_ID, gid: APP_ID },
  { name: 'work/', type: 'directory', uid: APP_ID, gid: APP_ID },
  { name: 'work/owned-by-app', type: 'file', mode: 0o600, uid: APP_ID, gid: APP_ID, content: 'of app\n' },
  { name: 'usr/local/', type: 'directory' },
  { name: 'usr/local/bin/', type: 'directory' },
  { name: NOT_EXECUTABLE_PATH.slice(1), type: 'file', mode: 0o644, content: '#!/bin/sh\necho never\n' },
];

/** A sound image of busybox with the user and group `app`, a file that may not be executed, and a configuration of its own. */
export function busyboxImage(directory: string, options: BusyboxImageOptions = {}): FixtureImage {
  return write(directory, build(options));
}

/** The sound image run by the user `app`. */
export function busyboxImageOfApp(directory: string): FixtureImage {
  return busyboxImage(directory, { config: { User: 'app' } });
}

/** An upper layer that changes, removes (whiteout) and hides (opaque directory) what is below it. */
export function layeredImage(directory: string): FixtureImage {
  const lower: TarEntry[] = [
    { name: 'layers/', type: 'directory' },
    { name: 'layers/changed', type: 'file', content: 'lower\n' },
    { name: 'layers/removed', type: 'file', content: 'lower\n' },
    { name: 'layers/hidden/', type: 'directory' },
    { name: 'layers/hidden/below', type: 'file', content: 'lower\n' },
  ];
  const upper: TarEntry[] = [
    { name: 'layers/changed', type: 'file', content: 'upper\n' },
    { name: 'layers/.wh.removed', type: 'file' },
    { name: 'layers/hidden/', type: 'directory' },
    { name: 'layers/hidden/.wh..wh..opq', type: 'file' },
    { name: 'layers/hidden/above', type: 'file', content: 'upper\n' },
  ];
  return busyboxImage(directory, { layers: [lower, upper] });
}

/** A layer blob whose bytes are not what its digest says; its size is right. */
export function imageWithWrongLayerDigest(directory: string): FixtureImage {
  const fixture = busyboxImage(directory);
  const path = lastLayerPath(fixture);
  const bytes = readFileSync(path);
  bytes.writeUInt8(bytes.readUInt8(bytes.length >> 1) ^ 1, bytes.length >> 1);
  writeFileSync(path, bytes);
  return fixture;
}

/** A layer blob that is shorter than its descriptor says: a download that stopped. */
export function imageWithTruncatedLayer(directory: string): FixtureImage {
  const fixture = busyboxImage(directory);
  const path = lastLayerPath(fixture);
  truncateSync(path, Math.floor(statSync(path).size / 2));
  return fixture;
}

/** A layer with a file at `../../escaped`. */
export function imageWithDotDotEntry(directory: string): FixtureImage {
  return withUpperLayer(directory, [{ name: '../../escaped', type: 'file', content: 'outside' }]);
}

/** A layer with a hard link to `../../etc/shadow`. */
export function imageWithEscapingHardLink(directory: string): FixtureImage {
  return withUpperLayer(directory, [{ name: 'shadow', type: 'hardlink', target: '../../etc/shadow' }]);
}

/** An image for the architecture this machine does not have; its files are this machine's all the same. */
export function imageForAnotherArchitecture(directory: string): FixtureImage {
  const other = findBusybox().architecture === 'amd64' ? 'arm64' : 'amd64';
  return write(directory, build({}, { architecture: other }));
}

/** A layer whose digest and size are right, and whose gzip stream ends in the middle. */
export function imageWithTruncatedGzip(directory: string): FixtureImage {
  const half = (tar: Buffer) => {
    const gzip = gzipSync(tar);
    return gzip.subarray(0, Math.floor(gzip.length / 2));
  };
  return write(directory, build({}, { compress: half }));
}

/** A layer whose blob is sound, and whose tar is not the one the configuration's `diff_ids` names. */
export function imageWithWrongDiffId(directory: string): FixtureImage {
  const other = gzipSync(tarArchive([{ name: 'other', type: 'file', content: 'other' }]));
  return write(directory, build({}, { compress: () => other }));
}

function withUpperLayer(directory: string, entries: readonly TarEntry[]): FixtureImage {
  return busyboxImage(directory, { layers: [entries] });
}

/** What makes an image a bad one. */
interface Flaws {
  readonly architecture?: string;
  readonly compress?: (tar: Buffer) => Buffer;
}

function build({ config, layers = [], tag }: BusyboxImageOptions, flaws: Flaws = {}): OciImage {
  const busybox = findBusybox();
  const replaced = new Set(TEST_ENTRIES.map(({ name }) => name));
  const base = [...busyboxEntries(busybox).filter(({ name }) => !replaced.has(name)), ...TEST_ENTRIES];
  return ociImage({
    architecture: busybox.architecture,
    ...flaws,
    layers: [base, ...layers].map((entries) => tarArchive(entries)),
    config: { ...CONFIG, ...config },
    ...(tag === undefined ? {} : { tag }),
  });
}

function write(directory: string, built: OciImage): FixtureImage {
  writeOciLayout(directory, built);
  return {
    directory,
    reference: `oci:${directory}`,
    manifestDigest: built.manifestDigest,
    layerDigests: built.layerDescriptors.map(({ digest }) => digest),
  };
}

/** The blob of the uppermost layer, for a test image to spoil. */
function lastLayerPath({ directory, layerDigests }: FixtureImage): string {
  return join(directory, 'blobs', 'sha256', (layerDigests.at(-1) ?? '').replace('sha256:', ''));
}
