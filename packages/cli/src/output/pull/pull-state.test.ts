import type { ImageProgress } from '@boxlite/core';
import { describe, expect, it } from 'vitest';
import { advancePull, INITIAL_PULL, type PullState, pullTotals } from './pull-state.js';

const A = `sha256:${'a'.repeat(64)}` as const;
const B = `sha256:${'b'.repeat(64)}` as const;

function after(...events: readonly ImageProgress[]): PullState {
  return events.reduce(advancePull, INITIAL_PULL);
}

const phases = (state: PullState) => state.layers.map(({ phase }) => phase);

describe('a pull', () => {
  it('waits for layers it knows of, and then fetches, verifies and has them', () => {
    const begun: ImageProgress[] = [
      { kind: 'resolve' },
      { kind: 'download', digest: A, bytes: 0, totalBytes: 10 },
      { kind: 'download', digest: B, bytes: 0, totalBytes: 20 },
    ];
    expect(phases(after(...begun))).toEqual(['waiting', 'waiting']);
    const fetching = [...begun, { kind: 'download', digest: B, bytes: 5, totalBytes: 20 } as const];
    expect(phases(after(...fetching))).toEqual(['waiting', 'downloading']);
    const verifying = [...fetching, { kind: 'verify', digest: B, bytes: 20, totalBytes: 20 } as const];
    expect(phases(after(...verifying))).toEqual(['waiting', 'verifying']);
    const ended = after(
      ...verifying,
      { kind: 'done', digest: B },
      { kind: 'verify', digest: A },
      { kind: 'done', digest: A },
    );
    expect(phases(ended)).toEqual(['cached', 'done']);
    expect(ended.phase).toBe('fetching');
    expect(after({ kind: 'resolve' }, { kind: 'done' }).phase).toBe('done');
  });

  it('counts a layer as fetched when its transfer started over', () => {
    const events: ImageProgress[] = [
      { kind: 'download', digest: A, bytes: 9, totalBytes: 10 },
      { kind: 'download', digest: A, bytes: 0, totalBytes: 10 },
      { kind: 'download', digest: A, bytes: 10, totalBytes: 10 },
      { kind: 'verify', digest: A },
      { kind: 'done', digest: A },
    ];
    expect(after(...events).layers).toEqual([{ digest: A, phase: 'done', bytes: 10, totalBytes: 10 }]);
  });

  it('has the sums its source tells, and adds them up itself for one that tells none', () => {
    const sums = { layers: 3, layersDone: 1, bytes: 7, totalBytes: 30, cachedBytes: 2 };
    expect(pullTotals(after({ kind: 'download', digest: A, bytes: 1, totalBytes: 10, image: sums }))).toEqual(sums);
    const own = after(
      { kind: 'verify', digest: A, bytes: 10, totalBytes: 10 },
      { kind: 'download', digest: B, bytes: 5, totalBytes: 20 },
    );
    expect(pullTotals(own)).toEqual({ layers: 2, layersDone: 1, bytes: 15, totalBytes: 30, cachedBytes: 10 });
  });

  it('is not moved by a warning or a new attempt', () => {
    const state = after({ kind: 'download', digest: A, bytes: 5, totalBytes: 10 });
    expect(advancePull(state, { kind: 'retry', digest: A, message: 'again' })).toEqual(state);
    expect(advancePull(state, { kind: 'warning', message: 'odd' })).toEqual(state);
  });
});
