import { BoxliteError, type Digest, digestHex, type ResolvedImage } from '@boxlite/core';
import type { IndexEntry } from '../documents/image-documents.js';
import { invalidDocument } from '../documents/parse-document.js';
import { canonicalName, entryName } from './image-names.js';
import type { LayoutDirectory } from './layout-directory.js';
import { readIndexEntries } from './layout-documents.js';
import type { LoadedImage } from './load-images.js';
import { type ResolveLayoutOptions, resolveLayoutImage } from './resolve-layout.js';

/** Digits of the digest in the reference of an image without a name. */
const SHORT_DIGEST = 12;
/** A registry nobody has: what is there was loaded. */
const UNNAMED_REPOSITORY = 'localhost/loaded';

export interface FindArchivedImagesOptions extends ResolveLayoutOptions {
  readonly name?: string | undefined;
}

/**
 * Every image of a layout that is for the platform, each once, with all its names.
 * @param what names the archive, for errors
 * @throws BoxliteError `image_invalid`, `platform_mismatch` when a named image, or each of those without a name, is for other platforms
 */
export async function findArchivedImages(
  layout: LayoutDirectory,
  what: string,
  options: FindArchivedImagesOptions,
): Promise<readonly LoadedImage[]> {
  checkName(options.name);
  const entries = readIndexEntries(await layout.readIndex(), what);
  if (entries.length === 0) throw invalidDocument(what, 'it holds no image', 'manifests');
  const { named, unnamed } = groupByName(entries, options.name);
  const found = new Map<Digest, { image: ResolvedImage; references: string[]; named: boolean }>();
  for (const [name, group] of named) {
    const image = await resolveLayoutImage(layout, group, name, options);
    const known = found.get(image.manifestDigest);
    if (known === undefined) found.set(image.manifestDigest, { image, references: [name], named: true });
    else known.references.push(name);
  }
  let mismatch: unknown;
  for (const entry of unnamed) {
    try {
      const image = await resolveLayoutImage(layout, [entry], what, options);
      if (found.has(image.manifestDigest)) continue;
      const reference = `${UNNAMED_REPOSITORY}:${digestHex(image.manifestDigest).slice(0, SHORT_DIGEST)}`;
      found.set(image.manifestDigest, { image: { ...image, reference }, references: [reference], named: false });
    } catch (thrown) {
      // One image for several platforms is several entries without a name.
      if (!BoxliteError.isInstance(thrown, 'platform_mismatch')) throw thrown;
      mismatch ??= thrown;
    }
  }
  if (found.size === 0) throw mismatch;
  return [...found.values()];
}

/** One name may have an entry for each platform. */
function groupByName(entries: readonly IndexEntry[], repository: string | undefined) {
  const named = new Map<string, IndexEntry[]>();
  const unnamed: IndexEntry[] = [];
  for (const entry of entries) {
    const name = entryName(entry, repository);
    if (name === undefined) unnamed.push(entry);
    else named.set(name, [...(named.get(name) ?? []), entry]);
  }
  return { named, unnamed };
}

function checkName(name: string | undefined): void {
  if (name === undefined || canonicalName(`${name}:latest`) !== undefined) return;
  throw new BoxliteError('invalid_argument', `${JSON.stringify(name.slice(0, 160))} is no repository`, {
    hint: 'write a name without a tag: my/app, or host/my/app',
    details: { field: 'name' },
  });
}
