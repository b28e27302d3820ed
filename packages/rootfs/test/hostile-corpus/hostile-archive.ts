import type { ErrorCode } from '@boxlite/core';
import type { ConversionOptions, LayerStream } from '../../src/index.js';
import { type TarEntrySpec, writeTar } from '../support/write-tar.js';

/** An archive that a proper tool does not write, or that another reader is known to have stumbled over. */
export interface HostileArchive {
  /** Completes the sentence "an archive …". */
  readonly name: string;
  /** The layers, bottom first. */
  readonly layers: () => readonly (Buffer | LayerStream)[];
  readonly options?: Partial<ConversionOptions>;
  readonly expected: Refused | { readonly tree: Readonly<Record<string, string>> };
}

/** The error it must end with. */
export interface Refused {
  readonly code: ErrorCode;
  /** `details.field`. */
  readonly field: string;
}

export const invalid = (field = 'layer'): Refused => ({ code: 'layer_invalid', field });
export const escapes = (field = 'name'): Refused => ({ code: 'layer_escapes', field });
export const exhausted = (field: string): Refused => ({ code: 'resource_exhausted', field });
/** Paths and contents as `applyLayers` shows them. */
export const tree = (files: Readonly<Record<string, string>>) => ({ tree: files });

export const file = (name: string, content: string | Buffer = name): TarEntrySpec => ({ name, content });
export const directory = (name: string, mode = 0o755): TarEntrySpec => ({ name, type: 'directory', mode });
export const symlink = (name: string, linkName: string): TarEntrySpec => ({ name, type: 'symlink', linkName });
export const hardlink = (name: string, linkName: string): TarEntrySpec => ({ name, type: 'hardlink', linkName });
export const empty = (name: string): TarEntrySpec => ({ name, content: '' });

/** A row of the corpus whose layers are given as entries. */
export function archive(
  name: string,
  layers: readonly (readonly TarEntrySpec[])[],
  expected: HostileArchive['expected'],
  options: Partial<ConversionOptions> = {},
): HostileArchive {
  return { name, layers: () => layers.map((layer) => writeTar(layer)), expected, options };
}

/** A row of one layer given as bytes. */
export function rawArchive(
  name: string,
  layer: () => Buffer,
  expected: HostileArchive['expected'],
  options: Partial<ConversionOptions> = {},
): HostileArchive {
  return { name, layers: () => [layer()], expected, options };
}
