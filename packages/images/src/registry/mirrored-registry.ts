import { BoxliteError, type ErrorCode, type ImageProgress, type TaskContext } from '@boxlite/core';
import type { ImageRegistry } from './image-registry.js';

/** A mirror that could not be reached is left alone for so long, so that it does not slow down every blob. */
const MIRROR_PAUSE_MS = 60_000;

/** Failures that are the mirror's own: the registry may still do better. Bytes are verified, whoever sent them. */
const FALLS_BACK: readonly ErrorCode[] = [
  'image_not_found',
  'image_unauthorized',
  'image_invalid',
  'digest_mismatch',
  'network_unavailable',
  'resource_exhausted',
];

/**
 * A registry behind its mirrors: each request goes to them first, in order, and to the registry when none could answer it. A transfer that
 * breaks at a mirror is gone on with at the next.
 *
 * @param now milliseconds since the epoch
 */
export function withMirrors(
  mirrors: readonly ImageRegistry[],
  registry: ImageRegistry,
  now: () => number,
): ImageRegistry {
  const pausedUntil = new Map<ImageRegistry, number>();

  const firstThatCan = async <Result>(
    { tell }: TaskContext<ImageProgress>,
    ask: (from: ImageRegistry) => Promise<Result>,
  ): Promise<Result> => {
    const failures: string[] = [];
    for (const mirror of mirrors) {
      if ((pausedUntil.get(mirror) ?? 0) > now()) continue;
      try {
        return await ask(mirror);
      } catch (thrown) {
        if (!BoxliteError.isInstance(thrown) || !FALLS_BACK.includes(thrown.code)) throw thrown;
        if (thrown.code === 'network_unavailable') pausedUntil.set(mirror, now() + MIRROR_PAUSE_MS);
        failures.push(`- ${mirror.name}: ${thrown.message}`);
        tell({ kind: 'retry', message: `mirror ${mirror.name} cannot help: ${thrown.message}` });
      }
    }
    try {
      return await ask(registry);
    } catch (thrown) {
      throw failures.length === 0 || !BoxliteError.isInstance(thrown) ? thrown : withMirrorFailures(thrown, failures);
    }
  };

  return {
    name: registry.name,
    fetchManifest: (repository, reference, context) =>
      firstThatCan(context, (from) => from.fetchManifest(repository, reference, context)),
    fetchBlob: (repository, blob, sink, context, onBytes) =>
      firstThatCan(context, (from) => from.fetchBlob(repository, blob, sink, context, onBytes)),
  };
}

/** Behind a firewall the mirrors' failures are the ones to mend. */
function withMirrorFailures(error: BoxliteError, failures: readonly string[]): BoxliteError {
  if (error.code === 'aborted') return error;
  return new BoxliteError(error.code, `${error.message}; its mirrors failed before:\n${failures.join('\n')}`, {
    details: error.details,
    cause: error,
    ...(error.hint === undefined ? {} : { hint: error.hint }),
  });
}
