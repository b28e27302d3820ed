import { describe, expect, it } from 'vitest';
import { parseExitRecord } from './exit-record.js';

describe('an exit record', () => {
  it.each([
    { kind: 'Clean', reason: 'shutdown' },
    { kind: 'Clean', reason: 'guest' },
    { kind: 'Error', code: 3, message: 'm', stderrTail: 's\n' },
    { kind: 'Signal', signal: 11, message: 'm', stderrTail: '' },
    {
      ...{ kind: 'Signal', signal: 31, message: 'm', stderrTail: '' },
      call: { number: 425, architecture: 0xc000003e, args: ['0x0', '0x1', '0x2', '0x3', '0x4', '0xffffffffffffffff'] },
    },
    { kind: 'Panic', message: 'm', stderrTail: '' },
  ])('of kind $kind is read back', (record) => {
    expect(parseExitRecord(JSON.stringify({ ...record, unknown: 'member' }))).toEqual(record);
  });

  it.each([
    '',
    'null',
    '[]',
    '{"kind":"Clean"}',
    '{"kind":"Error","message":"m","stderrTail":""}',
    '{"kind":"Error","code":"3","message":"m","stderrTail":""}',
    '{"kind":"Error","code":1e300,"message":"m","stderrTail":""}',
    '{"kind":"Signal","signal":1.5,"message":"m","stderrTail":""}',
    '{"kind":"Panic","message":1,"stderrTail":""}',
    '{"kind":"Other","message":"m","stderrTail":""}',
    `{"kind":"Panic","message":"${'m'.repeat(100_000)}","stderrTail":""}`,
  ])('is none when it is anything else (%#)', (text) => {
    expect(parseExitRecord(text)).toBeUndefined();
  });

  it.each([
    null,
    'io_uring_setup',
    { number: 425, architecture: 0xc000003e },
    { number: '425', architecture: 1, args: ['0x0', '0x0', '0x0', '0x0', '0x0', '0x0'] },
    { number: 1, architecture: 1, args: ['0x0', '0x0', '0x0', '0x0', '0x0'] },
    { number: 1, architecture: 1, args: ['0x0', '0x0', '0x0', '0x0', '0x0', '\u001b[31m'] },
    { number: 1, architecture: 1, args: ['0x0', '0x0', '0x0', '0x0', '0x0', '0x11111111111111111'] },
  ])('is read without a call that is none (%#)', (call) => {
    const record = { kind: 'Signal', signal: 31, message: 'm', stderrTail: '' };
    expect(parseExitRecord(JSON.stringify({ ...record, call }))).toEqual(record);
  });

  it('has texts that are safe to print and bounded', () => {
    const record = parseExitRecord(
      JSON.stringify({ kind: 'Panic', message: '\u001b[31mred', stderrTail: 'x'.repeat(10_000) }),
    );
    expect(record).toMatchObject({ message: '\\x1b[31mred', stderrTail: expect.stringMatching(/^x{4096}… \(/) });
  });
});
