import { describe, expect, it } from 'vitest';
import { parseExitRecord } from './exit-record.js';

describe('an exit record', () => {
  it.each([
    { kind: 'Clean', reason: 'shutdown' },
    { kind: 'Clean', reason: 'guest' },
    { kind: 'Error', code: 3, message: 'm', stderrTail: 's\n' },
    { kind: 'Signal', signal: 11, message: 'm', stderrTail: '' },
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

  it('has texts that are safe to print and bounded', () => {
    const record = parseExitRecord(
      JSON.stringify({ kind: 'Panic', message: '\u001b[31mred', stderrTail: 'x'.repeat(10_000) }),
    );
    expect(record).toMatchObject({ message: '\\x1b[31mred', stderrTail: expect.stringMatching(/^x{4096}… \(/) });
  });
});
