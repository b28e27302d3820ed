import { describe, expect, it } from 'vitest';
import { mergeEnv } from './guest-init.js';

describe('the environment of a container', () => {
  it("is the image's, with the box's over it in the image's order", () => {
    expect(mergeEnv(['PATH=/bin', 'A=1', 'EMPTY=', 'X=a=b'], { A: '2', B: '3' })).toEqual([
      'PATH=/bin',
      'A=2',
      'EMPTY=',
      'X=a=b',
      'B=3',
    ]);
  });

  it('drops entries of the image that have no name', () => {
    expect(mergeEnv(['=x', 'novalue'], {})).toEqual([]);
  });
});
