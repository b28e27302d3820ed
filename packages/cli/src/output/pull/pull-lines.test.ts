import { describe, expect, it } from 'vitest';
import { pullLines } from './pull-lines.js';
import type { LayerState, PullState } from './pull-state.js';

const layer = (letter: string, phase: LayerState['phase'], bytes: number, totalBytes: number): LayerState => ({
  digest: `sha256:${letter.repeat(64)}`,
  phase,
  bytes,
  totalBytes,
});
const STATE: PullState = {
  phase: 'fetching',
  totals: undefined,
  readBytes: 0,
  layers: [
    layer('a', 'done', 1000, 1000),
    layer('b', 'downloading', 3_000_000, 12_000_000),
    layer('c', 'waiting', 0, 500),
    layer('d', 'cached', 0, 2000),
  ],
};
const WIDE = { columns: 120, rows: 40, bytesPerSecond: 1_500_000 };

describe('the lines of a pull', () => {
  it('show each layer with its phase, and the sums with the speed', () => {
    expect(pullLines('alpine', STATE, WIDE)).toEqual([
      '  aaaaaaaaaaaa  done          1.0 kB',
      '  bbbbbbbbbbbb  downloading   [######..................]  3.0 MB of 12.0 MB',
      '  cccccccccccc  waiting       500 B',
      '  dddddddddddd  already here  2.0 kB',
      'alpine: [######..................] 2 of 4 layers, 3.0 MB of 12.0 MB, 1.5 MB/s',
    ]);
  });

  it.each([1, 12, 40, 71, 72, 80])('never reach the edge of a terminal of %i columns', (columns) => {
    for (const line of pullLines('registry.example/with/a/long/name:1.2.3', STATE, { ...WIDE, columns })) {
      expect(line.length).toBeLessThanOrEqual(Math.max(columns - 1, 1));
    }
  });

  it.each([1, 2, 3, 4, 5])('fit a terminal of %i rows, the layers that move first', (rows) => {
    const lines = pullLines('alpine', STATE, { ...WIDE, rows });
    expect(lines.length).toBeLessThanOrEqual(Math.max(rows - 1, 1));
    expect(lines.at(-1)).toMatch(/^alpine: /);
    if (rows > 2) expect(lines[0]).toContain('bbbbbbbbbbbb  downloading');
  });

  it('say what is waited for before the layers are known, and hold no control characters', () => {
    const lines = pullLines(
      'bad\x1b]0;name',
      { phase: 'resolving', totals: undefined, readBytes: 0, layers: [] },
      WIDE,
    );
    expect(lines).toEqual(['bad\\x1b]0;name: resolving']);
  });

  it('count the bytes of an archive while nothing is known of what is in it', () => {
    const reading: PullState = { phase: 'resolving', totals: undefined, readBytes: 2_100_000, layers: [] };
    expect(pullLines('app.tar', reading, WIDE)).toEqual(['app.tar: 2.1 MB read']);
  });

  it('show a full bar for layers of no bytes', () => {
    const lines = pullLines('x', { ...STATE, layers: [layer('a', 'done', 0, 0)] }, WIDE);
    expect(lines.at(-1)).toContain('[########################] 1 of 1 layers');
  });
});
