import type { ImageProgress, TaskContext } from '@boxlite/core';

/** The same context, in which a warning is told once: every blob of an image may be cause to repeat it. */
export function withoutRepeatedWarnings({ signal, tell }: TaskContext<ImageProgress>): TaskContext<ImageProgress> {
  const told = new Set<string | undefined>();
  return {
    signal,
    tell: (progress) => {
      if (progress.kind === 'warning' && told.has(progress.message)) return;
      if (progress.kind === 'warning') told.add(progress.message);
      tell(progress);
    },
  };
}
