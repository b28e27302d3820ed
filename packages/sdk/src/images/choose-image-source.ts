import { BoxliteError, type ImageSource } from '@boxlite/core';

/** A source that is available here, and what is known of where it comes from. */
export interface SourceCandidate {
  readonly source: ImageSource;
  /** Default 0. */
  readonly priority: number;
  /** The file of a plugin that was loaded by path. */
  readonly origin?: string;
}

/** A source that cannot be used here. */
export interface UnavailableSource {
  readonly id: string;
  readonly reason: string;
  readonly remedy: string;
}

/** BoxLite's own; between them they take nearly every text, so anybody else's is asked first. */
export const BUILT_IN_SOURCES: readonly string[] = ['local', 'registry'];

/**
 * The source a reference belongs to: among those that were added the one of the highest priority that accepts it, else BoxLite's own.
 * @param candidates in the order of their priority
 * @param unavailable sources that do not work here, one of which may be the one it belongs to
 * @throws BoxliteError `plugin_duplicate` when two added sources of the same priority accept it; `plugin_none_available` when none does and
 *   some are not available, `invalid_argument` when all are
 */
export function chooseImageSource(
  candidates: readonly SourceCandidate[],
  reference: string,
  unavailable: readonly UnavailableSource[] = [],
): SourceCandidate {
  const accepting = candidates.filter(({ source }) => source.accepts(reference));
  const [first, ...others] = accepting.filter(({ source }) => !BUILT_IN_SOURCES.includes(source.id));
  if (first !== undefined) {
    const rivals = others.filter(({ priority }) => priority === first.priority);
    if (rivals.length > 0) throw ambiguous(reference, [first, ...rivals]);
    return first;
  }
  const own = accepting[0];
  if (own !== undefined) return own;
  if (unavailable.length > 0) throw noneAvailable(reference, unavailable);
  throw new BoxliteError('invalid_argument', `${JSON.stringify(reference)} is not an image reference`, {
    hint: 'write name[:tag], oci:DIR, oci-archive:FILE or docker-archive:FILE',
    details: { field: 'image' },
  });
}

function ambiguous(reference: string, rivals: readonly SourceCandidate[]): BoxliteError {
  const names = rivals.map(({ source, origin }) => (origin === undefined ? source.id : `${source.id} (${origin})`));
  return new BoxliteError(
    'plugin_duplicate',
    `several image sources take ${JSON.stringify(reference)}: ${names.join(', ')}`,
    {
      hint: 'load one of them only, or give one a higher priority',
      details: { field: 'image', kind: 'image-source', ids: rivals.map(({ source }) => source.id) },
    },
  );
}

function noneAvailable(reference: string, unavailable: readonly UnavailableSource[]): BoxliteError {
  const list = unavailable.map(({ id, reason }) => `${id}: ${reason}`).join('; ');
  return new BoxliteError(
    'plugin_none_available',
    `no image source that works here takes ${JSON.stringify(reference)}; not available: ${list}`,
    {
      hint: [...new Set(unavailable.map(({ remedy }) => remedy))].join('; '),
      details: { field: 'image', kind: 'image-source', candidates: unavailable },
    },
  );
}
