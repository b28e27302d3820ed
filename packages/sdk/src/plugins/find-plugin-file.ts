import { readFile, realpath, stat } from 'node:fs/promises';
import { isAbsolute, join, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { errnoOf } from '@boxlite/core';
import { untrustedReason } from '@boxlite/layout';
import { packageEntry } from './package-entry.js';
import { pluginInvalid } from './plugin-invalid.js';

const MAX_MANIFEST_BYTES = 1024 * 1024;
const PATH_LIKE = /^(?:\.{0,2}\/|\.{1,2}$|file:)/;

/** Where plugins are looked for. */
export interface PluginPlaces {
  /** What relative paths start from. Absolute. */
  readonly baseDir: string;
  /** The directory of all boxes, parts of which guests can write: no code is loaded from there. Absolute; it need not exist. */
  readonly boxesDir: string;
}

/**
 * The module of a plugin, checked to be one that nobody else can change.
 * @param location a path (`/…`, `./…`, `../…`, `file:…`) to a module or to a package's directory, or the name of a package that is
 *   installed beside this one; a bare name is never looked for in the current directory
 * @returns absolute, symbolic links resolved
 * @throws BoxliteError `plugin_invalid` with the location and what is wrong with it
 */
export async function findPluginFile(location: string, places: PluginPlaces): Promise<string> {
  const isPath = PATH_LIKE.test(location);
  const given = isPath ? pathOf(location, places.baseDir) : installedPackage(location);
  const found = await existing(location, given);
  const isDirectory = (await stat(found)).isDirectory();
  const file = isDirectory ? await entryOf(location, found) : found;
  if (!(await stat(file)).isFile()) throw pluginInvalid(location, `${file} is not a regular file`, 'name an ES module');
  if (file.startsWith(`${await realPathIfThere(places.boxesDir)}${sep}`)) {
    throw pluginInvalid(
      location,
      `it lies in ${places.boxesDir}, where boxes write`,
      'move it out of the BoxLite home',
    );
  }
  const problem =
    (await untrustedReason(file)) ?? (isDirectory ? await untrustedReason(join(found, 'package.json')) : undefined);
  if (problem !== undefined) {
    throw pluginInvalid(location, `it is not safe to load: ${problem.reason}`, problem.remedy);
  }
  return file;
}

function pathOf(location: string, baseDir: string): string {
  if (!location.startsWith('file:')) return resolve(baseDir, location);
  try {
    return fileURLToPath(location);
  } catch (thrown) {
    throw pluginInvalid(location, 'it is not a URL of a file here', 'write file:///path', thrown);
  }
}

function installedPackage(name: string): string {
  try {
    return fileURLToPath(import.meta.resolve(name));
  } catch (thrown) {
    throw pluginInvalid(
      name,
      'no package of this name is installed beside BoxLite',
      `install it there, or give a path: ./node_modules/${name}`,
      thrown,
    );
  }
}

async function existing(location: string, path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (thrown) {
    const why = errnoOf(thrown) === 'ENOENT' ? `${path} does not exist` : `${path} cannot be read (${errnoOf(thrown)})`;
    throw pluginInvalid(location, why, 'name an ES module, or the directory of a package', thrown);
  }
}

async function realPathIfThere(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (thrown) {
    if (errnoOf(thrown) === 'ENOENT') return path;
    throw thrown;
  }
}

async function entryOf(location: string, directory: string): Promise<string> {
  const path = join(directory, 'package.json');
  const manifest = await readManifest(location, path);
  const entry = packageEntry(manifest);
  if (entry === undefined || isAbsolute(entry) || /(^|\/)\.\.(\/|$)/.test(entry)) {
    throw pluginInvalid(
      location,
      `${path} names no module of the package to import`,
      'give it "exports": "./index.js"',
    );
  }
  return existing(location, join(directory, entry));
}

async function readManifest(location: string, path: string): Promise<unknown> {
  try {
    if ((await stat(path)).size > MAX_MANIFEST_BYTES) throw new RangeError('it is too large');
    return JSON.parse(await readFile(path, 'utf8'));
  } catch (thrown) {
    const why = errnoOf(thrown) === 'ENOENT' ? 'does not exist' : `cannot be read: ${String(thrown)}`;
    throw pluginInvalid(location, `${path} ${why}`, 'name an ES module, or the directory of a package', thrown);
  }
}
