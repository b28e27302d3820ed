import { describe, expect, it } from 'vitest';
import { checkAgentElf } from './agent-binary.js';

function elf({ machine = 62, elfClass = 2, data = 1, type = 2 } = {}): Buffer {
  const bytes = Buffer.alloc(64);
  bytes.write('\x7fELF', 'latin1');
  bytes.set([elfClass, data], 4);
  bytes.writeUInt16LE(type, 16);
  bytes.writeUInt16LE(machine, 18);
  return bytes;
}

const invalid = (text: string) =>
  expect.objectContaining({ code: 'agent_invalid', message: expect.stringContaining(text) });

describe('the agent binary', () => {
  it('may be a static or position-independent program of the architecture of the guest', () => {
    expect(() => checkAgentElf('/agent', elf(), 'x64')).not.toThrow();
    expect(() => checkAgentElf('/agent', elf({ type: 3, machine: 183 }), 'arm64')).not.toThrow();
  });

  it.each([
    ['a script', Buffer.from('#!/bin/sh\n'.repeat(10)), 'not an ELF'],
    ['nothing', Buffer.alloc(0), 'not an ELF'],
    ['a program for another architecture', elf({ machine: 183 }), 'built for arm64'],
    ['a program for an odd architecture', elf({ machine: 8 }), 'ELF machine 8'],
    ['a 32-bit program', elf({ elfClass: 1 }), '64-bit'],
    ['a big-endian program', elf({ data: 2 }), 'little-endian'],
    ['an object file', elf({ type: 1 }), 'executable'],
  ])('may not be %s', (_what, bytes, text) => {
    expect(() => checkAgentElf('/agent', bytes, 'x64')).toThrow(invalid(text));
  });

  it('cannot run on an architecture without guests', () => {
    expect(() => checkAgentElf('/agent', elf(), 's390x')).toThrow(invalid('s390x'));
  });
});
