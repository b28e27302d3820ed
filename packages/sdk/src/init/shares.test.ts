import { describe, expect, it } from 'vitest';
import { sharesOf } from './shares.js';

const volume = (hostPath: string, readOnly: boolean, index = 0) => ({ tag: `uservol${index}`, hostPath, readOnly });

describe('the shares of a machine', () => {
  it('say that the host enforces a read-only one, which the jail shows read-only', () => {
    expect(sharesOf([volume('/a', true), volume('/b', false, 1)], true)).toEqual([
      { tag: 'uservol0', hostPath: '/a', readOnly: true, hostEnforced: true },
      { tag: 'uservol1', hostPath: '/b', readOnly: false },
    ]);
  });

  it('do not say so where the jail does not hold it so', () => {
    expect(sharesOf([volume('/a', true)], false)).toEqual([{ tag: 'uservol0', hostPath: '/a', readOnly: true }]);
  });

  it('do not say so of a directory that another volume makes writable', () => {
    const [share] = sharesOf([volume('/a', true), volume('/a', false, 1)], true);
    expect(share?.hostEnforced).toBeUndefined();
  });
});
