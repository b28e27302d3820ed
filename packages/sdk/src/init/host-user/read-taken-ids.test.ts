import { describe, expect, it } from 'vitest';
import { readRunningIds, readTakenIds } from './read-taken-ids.js';

const files: Readonly<Record<string, string>> = {
  '/etc/passwd': 'root:x:0:0:root:/root:/bin/sh\nalice:x:1000:100::/home/alice:\nbroken:x:y:z\n',
  '/etc/group': 'root:x:0:\nkvm:x:105:alice\n',
  '/etc/subuid': '# comment\nalice:100000:65536\nbob:bad\n',
  '/etc/subgid': 'alice:200000:10\nnone:5:0\n',
  '/proc/1/status': 'Name:\tinit\nUid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\n',
  '/proc/7/status': 'Name:\tx\nUid:\t41\t42\t43\t44\nGid:\t51\t51\t51\t51\n',
};
const read = (path: string) => files[path] ?? '';

describe('ids that somebody has', () => {
  it('are those of users, their groups and groups, and the ranges for containers', () => {
    expect(readTakenIds(read)).toEqual({
      ids: new Set([0, 1000, 100, 105]),
      ranges: [
        { first: 100_000, last: 165_535 },
        { first: 200_000, last: 200_009 },
      ],
    });
  });

  it('are those of running processes, whichever of the four they run under', () => {
    expect(readRunningIds(read, ['1', '7', '9'])).toEqual(new Set([0, 41, 42, 43, 44, 51]));
  });

  it('are read of this host too, where root is one', () => {
    expect(readTakenIds().ids.has(0)).toBe(true);
    expect(readRunningIds().has(process.getuid?.() ?? -1)).toBe(true);
  });
});
