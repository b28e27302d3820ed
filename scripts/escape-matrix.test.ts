import { describe, expect, it } from 'vitest';
import { type Attempt, LAYERS } from '../test/escape/environments.mjs';
import type { LayerSet } from '../test/escape/harness/job.js';
import { matrixPage, problemsOf, type Result } from './escape-matrix.mjs';

const attempts: Record<string, Attempt> = {
  'read-key': { topic: 'Reading files', stops: ['view', 'landlock>=3'] },
  'fill-memory': { topic: 'Resources', stops: ['cgroup'], open: { when: 'no-cgroup', why: 'told at the start' } },
};
/** Letters in the order of `LAYERS`; layers that are not named were not made. */
const row = (letters: Partial<Record<LayerSet, string>>) => LAYERS.map((layer) => letters[layer] ?? '-').join('');
const result = (change: Record<string, string> = {}): Result => ({
  ...{ recorded: '2026-01-01', kernel: '6.1', landlock: 2, told: [], layers: [] },
  attempts: {
    'read-key': row({ none: 'o', view: 'h', landlock: 'o', all: 'h' }),
    'fill-memory': row({ none: 'o', cgroup: 'h', all: 'h' }),
    ...change,
  },
});

describe('the matrix of attempts', () => {
  it('has a mark for each place in each cell, and nothing to see where nothing comes out', () => {
    const page = matrixPage(attempts, {
      root: result(),
      ordinary: result({ 'read-key': row({ none: 'h' }) }),
    });
    expect(page).toContain('1. root, QEMU (Linux 6.1, Landlock 2; recorded 2026-01-01)');
    const [, none, , , , view, , landlock] = (/\| (read-key .*) \|/.exec(page)?.[1] ?? '')
      .split('|')
      .map((cell) => cell.trim());
    expect({ none, view, landlock }).toEqual({ none: '○·', view: '●·', landlock: '○·' });
    expect(page).toContain('- `fill-memory`: told at the start');
  });

  it('is right when nothing comes out under all layers and each declared layer stops what it is said to, as far as the kernel has it', () => {
    expect(problemsOf(attempts, { root: result() })).toEqual([]);
  });

  it('is wrong for an attempt that comes out, a layer that does not stop it, one that was not made, and one nobody knows', () => {
    const all = row({ none: 'o', view: 'o', all: 'o' });
    expect(problemsOf(attempts, { root: { ...result({ 'read-key': all, new: all }), landlock: 3 } })).toEqual([
      'root: results of the unknown attempt new',
      'root: read-key comes out with all layers on',
      'root: read-key is declared to be stopped by view alone, and is not',
      'read-key: no layer alone stops it anywhere',
    ]);
    const { 'read-key': _missing, ...rest } = result().attempts;
    expect(problemsOf(attempts, { root: { ...result(), attempts: rest } })).toEqual(['root: read-key was not made']);
    expect(problemsOf(attempts, { moon: result() })).toContain('results of the unknown environment moon');
  });

  it('lets what only a group holds come out where there is none, and nowhere else', () => {
    expect(problemsOf(attempts, { root: result({ 'fill-memory': row({ none: 'o', all: 'o' }) }) })).not.toContain(
      'root: fill-memory comes out with all layers on',
    );
    expect(
      problemsOf(attempts, { root: result({ 'fill-memory': row({ none: 'o', all: 'o', cgroup: 'h' }) }) }),
    ).toContain('root: fill-memory comes out with all layers on');
  });
});
