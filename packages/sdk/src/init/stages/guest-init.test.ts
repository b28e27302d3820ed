import { describe, expect, it } from 'vitest';
import { mergeEnv, volumeMounts } from './guest-init.js';

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

describe('the volumes of a container', () => {
  it('are passed along to the guest with their tags, parents before what lies in them', () => {
    const volumes = [
      { tag: 'uservol0', guestPath: '/data/inner' },
      { tag: 'uservol1', guestPath: '/data' },
      { tag: 'uservol2', guestPath: '/etc/app.conf' },
    ];
    const shares = [
      { tag: 'uservol0', hostPath: '/a', readOnly: true },
      { tag: 'uservol1', hostPath: '/b', readOnly: false },
      { tag: 'uservol2', hostPath: '/box/shared/uservol2', readOnly: false, file: 'app.conf' },
    ];
    expect(volumeMounts(volumes, shares)).toEqual([
      { tag: 'uservol1', destination: '/data', readOnly: false },
      { tag: 'uservol0', destination: '/data/inner', readOnly: true },
      { tag: 'uservol2', destination: '/etc/app.conf', readOnly: false, file: 'app.conf' },
    ]);
  });
});
