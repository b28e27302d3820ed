import { describe, expect, it } from 'vitest';
import { libraryFormatProblem } from './library-format.js';

function elf(options: { machine?: number; type?: number; bits?: number; endian?: number } = {}): Uint8Array {
  const bytes = Buffer.alloc(64);
  bytes.write('\x7fELF', 'latin1');
  bytes[4] = options.bits ?? 2;
  bytes[5] = options.endian ?? 1;
  bytes.writeUInt16LE(options.type ?? 3, 16);
  bytes.writeUInt16LE(options.machine ?? 62, 18);
  return bytes;
}

function mach(cpu: number): Uint8Array {
  const bytes = Buffer.alloc(64);
  bytes.writeUInt32LE(0xfeedfacf, 0);
  bytes.writeUInt32LE(cpu, 4);
  return bytes;
}

describe('libraryFormatProblem', () => {
  it('finds nothing wrong with a shared library of this architecture', () => {
    expect(libraryFormatProblem(elf(), 'linux', 'x64')).toBeUndefined();
    expect(libraryFormatProblem(elf({ machine: 183 }), 'linux', 'arm64')).toBeUndefined();
    expect(libraryFormatProblem(mach(0x0100000c), 'darwin', 'arm64')).toBeUndefined();
  });

  it.each([
    ['an arm64 library on x86-64', elf({ machine: 183 }), 'is built for arm64, and this Node.js for x86-64'],
    ['a 32-bit library', elf({ machine: 3, bits: 1 }), 'is built for 32-bit x86, and this Node.js for x86-64'],
    ['an unknown machine', elf({ machine: 999 }), 'is built for machine 999, and this Node.js for x86-64'],
    ['a program', elf({ type: 2 }), 'is an ELF file but not a shared library'],
    ['a linker script', Buffer.from('INPUT(libkrun.so.1)'.padEnd(64)), 'is not an ELF library'],
    ['an empty file', Buffer.alloc(0), 'is too short to be a library'],
  ])('names what is wrong with %s', (_, bytes, problem) => {
    expect(libraryFormatProblem(bytes, 'linux', 'x64')).toBe(problem);
  });

  it('knows libraries of macOS, and leaves a universal one to the loader', () => {
    expect(libraryFormatProblem(mach(0x01000007), 'darwin', 'arm64')).toContain('another processor');
    expect(libraryFormatProblem(elf(), 'darwin', 'arm64')).toContain('not a 64-bit Mach-O');
    const universal = Buffer.alloc(64);
    universal.writeUInt32BE(0xcafebabe, 0);
    expect(libraryFormatProblem(universal, 'darwin', 'arm64')).toBeUndefined();
  });
});
