import { join } from 'node:path';
import { type BaseDiskId, parseBoxId } from '@boxlite/core';
import { type BoxLayout, type BoxLayoutOptions, createBoxLayout } from './box-layout.js';
import { currentUid } from './current-uid.js';
import { kernelFile } from './kernel-file.js';
import { localBundleName } from './local-bundle-name.js';
import { prepareHome, type StatDevice } from './prepare-home.js';
import { checkHome, resolveHome } from './resolve-home.js';
import { SHORT_LINK_ROOT } from './socket-link-path.js';

/** What {@link createHomeLayout} needs to know of its surroundings; the defaults are this process and this host. */
export interface HomeLayoutOptions {
  /** Read when no home is given. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Who must own the home. */
  readonly uid?: number;
  /** Directory of the short socket links' parent; anything but `/tmp` is for tests. */
  readonly linkRoot?: string;
  readonly platform?: NodeJS.Platform;
  /** Tells device numbers apart; replaced in tests. */
  readonly statDevice?: StatDevice;
}

/** Every path of one home. Making it touches nothing; `prepare()` makes the directories. */
export interface HomeLayout {
  readonly home: string;
  readonly dbDir: string;
  readonly databaseFile: string;
  readonly imagesDir: string;
  /** Downloaded layer blobs, named by digest. */
  readonly layersDir: string;
  /** Extracted layer directories. */
  readonly extractedDir: string;
  /** ext4 image disks, shared copy-on-write bases. */
  readonly diskImagesDir: string;
  readonly manifestsDir: string;
  readonly configsDir: string;
  /** Caches of local OCI bundles. */
  readonly localDir: string;
  readonly boxesDir: string;
  /** Flat, immutable base disks. */
  readonly basesDir: string;
  readonly kernelsDir: string;
  /** Machines captured before they became a box, a directory each. */
  readonly templatesDir: string;
  readonly locksDir: string;
  readonly logsDir: string;
  /** Staging. */
  readonly tmpDir: string;
  /** Makes every directory, 0700, and checks owner and file system; idempotent. @throws see {@link prepareHome} */
  prepare(): Promise<void>;
  /**
   * Cache directory of one local OCI bundle: the same path and digest give the same directory, changed content a new one.
   * @throws BoxliteError `image_invalid` when the digest is not hexadecimal
   */
  localBundleDir(bundlePath: string, manifestDigest: string): string;
  /** `bases/<id>.qcow2` or `.raw` (snapshot or clone base, as its boxes' disks are), or `bases/<id>.ext4` (guest rootfs). */
  baseDisk(id: BaseDiskId, format: 'qcow2' | 'raw' | 'ext4'): string;
  /** `kernels/<sha256>`. @throws BoxliteError `invalid_argument` when it is not 64 hexadecimal digits */
  kernel(sha256: string): string;
  /** The paths of one box. @throws BoxliteError `invalid_argument` when the id is not a box id */
  box(id: string, options?: BoxLayoutOptions): BoxLayout;
}

/**
 * The layout of a home.
 * @param home absolute path; default `resolveHome(options.env)`
 * @throws BoxliteError `config_error` when the path is not absolute
 */
export function createHomeLayout(home?: string, options: HomeLayoutOptions = {}): HomeLayout {
  const root = home === undefined ? resolveHome(options.env) : checkHome(home, 'home');
  const uid = options.uid ?? currentUid();
  const images = join(root, 'images');
  const layout: HomeLayout = {
    home: root,
    dbDir: join(root, 'db'),
    databaseFile: join(root, 'db', 'boxlite.db'),
    imagesDir: images,
    layersDir: join(images, 'layers'),
    extractedDir: join(images, 'extracted'),
    diskImagesDir: join(images, 'disk-images'),
    manifestsDir: join(images, 'manifests'),
    configsDir: join(images, 'configs'),
    localDir: join(images, 'local'),
    boxesDir: join(root, 'boxes'),
    basesDir: join(root, 'bases'),
    kernelsDir: join(root, 'kernels'),
    templatesDir: join(root, 'templates'),
    locksDir: join(root, 'locks'),
    logsDir: logsDirFor(root),
    tmpDir: join(root, 'tmp'),
    prepare: () => prepareHome(layout, uid, options.statDevice),
    localBundleDir: (bundlePath, manifestDigest) => join(layout.localDir, localBundleName(bundlePath, manifestDigest)),
    baseDisk: (id, format) => join(layout.basesDir, `${id}.${format}`),
    kernel: (sha256) => kernelFile(layout.kernelsDir, sha256),
    box: (id, boxOptions) =>
      createBoxLayout(
        {
          boxesDir: layout.boxesDir,
          linkRoot: options.linkRoot ?? SHORT_LINK_ROOT,
          uid,
          platform: options.platform ?? process.platform,
        },
        parseBoxId(id),
        boxOptions,
      ),
  };
  return layout;
}

/**
 * Where logs go, also before a layout exists: nothing is read or made.
 * @param home absolute path of the home
 * @throws BoxliteError `config_error` when it is not absolute
 */
export function logsDirFor(home: string): string {
  return join(checkHome(home, 'home'), 'logs');
}
