import { describe, expect, it } from 'vitest';
import { mountPointsBelow } from './mount-points-below.js';

const MOUNTINFO = String.raw`22 27 0:21 / /proc rw,relatime - proc proc rw
40 27 254:0 /a /h/boxes/b/shared ro - ext4 /dev/vda rw
41 27 254:0 /a /h/boxes/b/with\040space ro - ext4 /dev/vda rw
42 27 254:0 /a /h/boxes/bb/shared ro - ext4 /dev/vda rw
`;

describe('mount points below a directory', () => {
  it('are those at or below it, with escapes undone, and not those of a neighbour', () => {
    expect(mountPointsBelow(MOUNTINFO, '/h/boxes/b')).toEqual(['/h/boxes/b/shared', '/h/boxes/b/with space']);
    expect(mountPointsBelow(MOUNTINFO, '/h/boxes/c')).toEqual([]);
  });
});
