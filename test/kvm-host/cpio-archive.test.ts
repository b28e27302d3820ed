import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { cpioArchive } from './cpio-archive.mjs';

describe('the initramfs archive', () => {
  it('is unpacked by busybox with contents, modes and directories', () => {
    const archive = cpioArchive([
      { path: 'bin' },
      { path: 'bin/run', mode: 0o755, data: Buffer.from('five!') },
      { path: 'empty', data: Buffer.alloc(0) },
    ]);
    const listing = execFileSync('busybox', ['cpio', '-tv'], { input: archive, encoding: 'utf8' });
    expect(listing.split('\n').map((line) => line.replace(/ +/g, ' '))).toEqual([
      expect.stringMatching(/^drwxr-xr-x .* bin$/),
      expect.stringMatching(/^-rwxr-xr-x .* 5 .* bin\/run$/),
      expect.stringMatching(/^-rw-r--r-- .* 0 .* empty$/),
      '',
    ]);
  });

  it('is the same for the same entries', () => {
    const entries = [{ path: 'a', data: Buffer.from('abc') }];
    expect(cpioArchive(entries)).toEqual(cpioArchive(entries));
    expect(cpioArchive(entries).length % 4).toBe(0);
  });
});
