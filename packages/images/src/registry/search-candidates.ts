import { BoxliteError, type ErrorCode } from '@boxlite/core';
import {
  formatImageReference,
  type ImageReference,
  isUnqualified,
  parseImageReference,
  repositoryOn,
} from '../reference/image-reference.js';

/** A first one and others, in order. */
export type Candidates = readonly [ImageReference, ...ImageReference[]];

/** Failures after which the next registry may have the image. */
const TRY_NEXT: readonly ErrorCode[] = [
  'image_not_found',
  'image_unauthorized',
  'network_unavailable',
  'resource_exhausted',
];

/**
 * What a text may mean: names without a host are looked for in the search registries; without any, they are docker.io's.
 * @throws BoxliteError `invalid_argument`
 */
export function searchCandidates(
  text: string,
  registries: ReadonlyMap<string, { readonly host: string; readonly search: boolean }>,
): Candidates {
  const plain = parseImageReference(text);
  if (!isUnqualified(text)) return [plain];
  const [first, ...rest] = [...registries.values()]
    .filter(({ search }) => search)
    .map(({ host }) => ({ ...plain, registry: host, repository: repositoryOn(host, text, plain.repository) }));
  return first === undefined ? [plain] : [first, ...rest];
}

/** What `find` gives for the first candidate that it gives something for. */
export async function firstFound<Result>(
  candidates: Candidates,
  find: (candidate: ImageReference) => Promise<Result | undefined>,
): Promise<Result | undefined> {
  for (const candidate of candidates) {
    const found = await find(candidate);
    if (found !== undefined) return found;
  }
  return undefined;
}

/**
 * Tries candidates in order.
 * @throws BoxliteError what the only one fails with; of several, one that lists every failure
 */
export async function firstThatSucceeds<Result>(
  candidates: Candidates,
  attempt: (candidate: ImageReference) => Promise<Result>,
): Promise<Result> {
  const failures: { readonly name: string; readonly error: BoxliteError }[] = [];
  for (const candidate of candidates) {
    try {
      return await attempt(candidate);
    } catch (thrown) {
      const mayBeElsewhere = BoxliteError.isInstance(thrown) && TRY_NEXT.includes(thrown.code);
      if (!mayBeElsewhere || candidates.length === 1) throw thrown;
      failures.push({ name: formatImageReference(candidate), error: thrown });
    }
  }
  const list = failures.map(({ name, error }) => `- ${name}: ${error.message}`).join('\n');
  const codes = new Set(failures.map(({ error }) => error.code));
  const [code = 'image_not_found'] = codes.size === 1 ? codes : [];
  throw new BoxliteError(code, `no search registry has the image:\n${list}`, {
    hint: 'write the image with its registry: host/name:tag',
    details: { field: 'image' },
  });
}
