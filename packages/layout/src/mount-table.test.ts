import { describe, expect, it } from 'vitest';
import { parseMountTable, placesShown, showsPlace } from './mount-table.js';

const TABLE = parseMountTable(String.raw`22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
40 27 254:0 /home/me /mnt/same\040home ro - ext4 /dev/vda rw
41 27 254:1 / /data rw - xfs /dev/vdb rw
42 27 254:0 /home /data rw - ext4 /dev/vda rw
not a line of it
`);

const shown = (path: string) => placesShown(TABLE, path).map(({ device, path: inside }) => `${device} ${inside}`);

describe('places a directory shows', () => {
  it('are its own, through the deepest mount above it, and those of the mounts below it', () => {
    expect(shown('/srv/x')).toEqual(['254:0 /srv/x']);
    expect(shown('/proc/1')).toEqual(['0:21 /1']);
    expect(shown('/mnt')).toEqual(['254:0 /mnt', '254:0 /home/me']);
    expect(shown('/mnt/same home/project')).toEqual(['254:0 /home/me/project']);
    expect(shown('/')[0]).toBe('254:0 /');
  });

  it('are those of the mount that lies over another', () => {
    expect(shown('/data/me')).toEqual(['254:0 /home/me']);
  });

  it('contain one another only within one file system', () => {
    const home = { device: '254:0', path: '/home/me', type: 'ext4' };
    expect(showsPlace({ ...home, path: '/home' }, home)).toBe(true);
    expect(showsPlace({ ...home, path: '/' }, home)).toBe(true);
    expect(showsPlace(home, home)).toBe(true);
    expect(showsPlace({ ...home, path: '/home/m' }, home)).toBe(false);
    expect(showsPlace({ ...home, device: '254:1', path: '/' }, home)).toBe(false);
  });
});
