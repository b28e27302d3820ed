import { describe, expect, it } from 'vitest';
import { decodeBackingName, decodeStrictBackingName, encodeBackingName, resolveBackingName } from './backing-name.js';

const decode = (name: string | Buffer) => decodeBackingName(Buffer.from(name as string), '/overlay');
const decodeStrict = (name: string) => decodeStrictBackingName(Buffer.from(name), '/overlay');
const refused = { code: 'disk_invalid', details: { path: '/overlay', field: 'backing_file' } };

describe('the name of a backing file', () => {
  it('is UTF-8, spaces and all', () => {
    expect(decodeStrict('/bases/größe 1.qcow2')).toBe('/bases/größe 1.qcow2');
    expect(decodeStrict('../b:1/x')).toBe('../b:1/x');
  });

  it.each(['json:{"file":"x"}', 'nbd:localhost:1', 'fat:rw:', 'x:y', 'ssh://host/disk', ':'])(
    'is never a protocol of QEMU: %s',
    (name) => expect(() => decode(name)).toThrow(expect.objectContaining(refused)),
  );

  it('with a NUL byte or broken UTF-8 is refused, also by the tolerant reader', () => {
    expect(() => decode('/bases/a\0b')).toThrow(expect.objectContaining(refused));
    expect(() => decode(Buffer.from([0x2f, 0xff]))).toThrow(expect.objectContaining(refused));
  });

  it('with a newline is refused by the strict reader, escaped in its message, and followed by the tolerant one', () => {
    expect(() => decodeStrict('/bases/a\nb')).toThrow(/"\/bases\/a\\x0ab"/);
    expect(decode('/bases/a\nb')).toBe('/bases/a\nb');
  });

  it('is written only when the strict reader would read it', () => {
    const field = { code: 'invalid_argument', details: { field: 'base.path' } };
    expect(encodeBackingName('/é').length).toBe(3);
    for (const path of ['/a\nb', `/${'é'.repeat(512)}`, '/\ud800']) {
      expect(() => encodeBackingName(path)).toThrow(expect.objectContaining(field));
    }
  });

  it('that is relative starts at the directory of the overlay, with .. left to the kernel', () => {
    expect(resolveBackingName('/a/b/disk', 'base')).toBe('/a/b/base');
    expect(resolveBackingName('/a/b/disk', '../base')).toBe('/a/b/../base');
    expect(resolveBackingName('/a/b/disk', '/base')).toBe('/base');
  });
});
