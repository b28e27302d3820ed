import type { Digest, ImageProgress, ImageTotals } from '@boxlite/core';

/** Adds up the progress of an image's layers. */
export interface ImageTally {
  /** Takes an event about a layer into account and gives it back with the sums. */
  count(progress: ImageProgress): ImageProgress;
}

interface LayerState {
  readonly size: number;
  bytes: number;
  done: boolean;
  fetched: boolean;
}

/** @param layers distinct ones; sizes in compressed bytes */
export function createImageTally(layers: readonly { readonly digest: Digest; readonly size: number }[]): ImageTally {
  const states = new Map<Digest, LayerState>(
    layers.map(({ digest, size }) => [digest, { size, bytes: 0, done: false, fetched: false }]),
  );
  const totals = (): ImageTotals => {
    const all = [...states.values()];
    const sum = (bytesOf: (state: LayerState) => number) => all.reduce((total, state) => total + bytesOf(state), 0);
    return {
      layers: all.length,
      layersDone: all.filter(({ done }) => done).length,
      bytes: sum(({ bytes }) => bytes),
      totalBytes: sum(({ size }) => size),
      cachedBytes: sum(({ done, fetched, size }) => (done && !fetched ? size : 0)),
    };
  };
  return {
    count(progress) {
      const state = progress.digest === undefined ? undefined : states.get(progress.digest);
      if (state !== undefined) {
        if (progress.kind === 'download') {
          state.bytes = progress.bytes ?? 0;
          state.fetched ||= state.bytes > 0;
        } else if (progress.kind === 'done') {
          state.bytes = state.size;
          state.done = true;
        }
      }
      return { ...progress, image: totals() };
    },
  };
}
