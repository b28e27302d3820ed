import { BoxliteError } from '@boxlite/core';
import { invalidLayer } from '../tar/tar-entry.js';
import { type ByteString, displayName } from '../tree/image-node.js';
import { DEFAULT_LAYER_LIMITS, limitExceeded, MAX_NAME_BYTES } from './layer-limits.js';

/**
 * Splits a name of an archive into components below the image's root. Absolute names start at the root as well; `.` and doubled slashes
 * are dropped, `..` takes back the component before it.
 * @param entry whose path it is, for errors
 * @throws BoxliteError `layer_escapes` when it climbs above the root, `resource_exhausted` when it is too long, `layer_invalid` for
 * components no file can have
 */
export function parseEntryPath(
  path: ByteString,
  field: 'name' | 'linkName',
  entry: ByteString = path,
  maxPathBytes: number = DEFAULT_LAYER_LIMITS.maxPathBytes,
): ByteString[] {
  if (path.length > maxPathBytes) {
    throw limitExceeded('maxPathBytes', maxPathBytes, `its ${field} is longer than ${maxPathBytes} bytes`, entry);
  }
  if (path.includes('\0')) throw invalidLayer(`its ${field} contains a NUL`, entry, field);
  const components: ByteString[] = [];
  for (const component of path.split('/')) {
    if (component === '' || component === '.') continue;
    if (component === '..') {
      if (components.pop() === undefined) throw escapes(entry, field, path);
      continue;
    }
    if (component.length > MAX_NAME_BYTES) {
      throw invalidLayer(`a component of its ${field} is longer than ${MAX_NAME_BYTES} bytes`, entry, field);
    }
    components.push(component);
  }
  return components;
}

function escapes(entry: ByteString, field: string, path: ByteString): BoxliteError {
  const shown = JSON.stringify(displayName(entry).slice(0, 512));
  const what = field === 'name' ? 'its name' : `its target ${JSON.stringify(displayName(path).slice(0, 512))}`;
  return new BoxliteError('layer_escapes', `layer entry ${shown}: ${what} leaves the root of the image`, {
    hint: 'do not use this image: no proper tool builds such a layer',
    details: { field, entry: displayName(entry) },
  });
}
