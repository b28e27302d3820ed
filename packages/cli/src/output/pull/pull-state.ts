import type { ImageProgress, ImageTotals } from '@boxlite/core';

/** Where one layer is. `cached`: it was here already. */
export type LayerPhase = 'waiting' | 'downloading' | 'verifying' | 'done' | 'cached';

export interface LayerState {
  readonly digest: string;
  readonly phase: LayerPhase;
  /** Compressed bytes received, and to receive. */
  readonly bytes: number;
  readonly totalBytes: number;
}

/** What is known of a pull, from its events. */
export interface PullState {
  readonly phase: 'resolving' | 'fetching' | 'done';
  /** In the order of the image. */
  readonly layers: readonly LayerState[];
  readonly totals: ImageTotals | undefined;
  /** Bytes of an archive that were read, whatever is in them. */
  readonly readBytes: number;
}

export const INITIAL_PULL: PullState = { phase: 'resolving', layers: [], totals: undefined, readBytes: 0 };

/** The state after one more event. Events of sources that tell less, such as no sums, give a state that says less. */
export function advancePull(state: PullState, event: ImageProgress): PullState {
  const totals = event.image ?? state.totals;
  if (event.digest === undefined) {
    if (event.kind === 'resolve') return { ...state, totals, phase: 'resolving' };
    if (event.kind === 'download') return { ...state, totals, readBytes: event.bytes ?? state.readBytes };
    return { ...state, totals, phase: event.kind === 'done' ? 'done' : state.phase };
  }
  const known = state.layers.find(({ digest }) => digest === event.digest);
  const layer = advanceLayer(known ?? fresh(event.digest), event);
  const layers =
    known === undefined ? [...state.layers, layer] : state.layers.map((each) => (each === known ? layer : each));
  return { ...state, phase: 'fetching', layers, totals };
}

function fresh(digest: string): LayerState {
  return { digest, phase: 'waiting', bytes: 0, totalBytes: 0 };
}

function advanceLayer(layer: LayerState, { kind, bytes, totalBytes = layer.totalBytes }: ImageProgress): LayerState {
  if (kind === 'download') {
    const received = bytes ?? layer.bytes;
    return { ...layer, totalBytes, bytes: received, phase: received === 0 ? 'waiting' : 'downloading' };
  }
  // Bytes that never came over the line were here before.
  const fetched = layer.phase === 'downloading' || (layer.phase !== 'cached' && layer.bytes > 0);
  if (kind === 'verify') return { ...layer, totalBytes, phase: fetched ? 'verifying' : 'cached' };
  if (kind === 'done') return { ...layer, totalBytes, bytes: totalBytes, phase: fetched ? 'done' : 'cached' };
  return layer;
}

/** Sums over the layers, as the source has told them or as its events add up to. */
export function pullTotals({ layers, totals }: PullState): ImageTotals {
  if (totals !== undefined) return totals;
  const here = layers.filter(({ phase }) => phase === 'done' || phase === 'cached' || phase === 'verifying');
  const cached = layers.filter(({ phase }) => phase === 'cached');
  return {
    layers: layers.length,
    layersDone: here.length,
    bytes: layers.reduce((sum, layer) => sum + (here.includes(layer) ? layer.totalBytes : layer.bytes), 0),
    totalBytes: sum(layers),
    cachedBytes: sum(cached),
  };
}

function sum(layers: readonly LayerState[]): number {
  return layers.reduce((bytes, { totalBytes }) => bytes + totalBytes, 0);
}
