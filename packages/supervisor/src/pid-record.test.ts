import { describe, expect, it } from 'vitest';
import { parsePidRecord } from './pid-record.js';

describe('shim.pid', () => {
  it('names supervisor and VMM, each with pid and start time', () => {
    expect(parsePidRecord('supervisor 12 345\nvmm 4194304 678\n')).toEqual({
      supervisor: { pid: 12, startTime: 345 },
      vmm: { pid: 4194304, startTime: 678 },
    });
  });

  it.each([
    '',
    'supervisor 12 345\n',
    'supervisor 12 345\nvmm 13 678',
    'supervisor 12 345\nvmm 13 678\nmore\n',
    'supervisor -1 345\nvmm 13 678\n',
    'supervisor 0 345\nvmm 13 678\n',
    'supervisor 1e3 345\nvmm 13 678\n',
    'supervisor 12 345\nvmm 99999999 678\n',
    'supervisor 12 9999999999999999\nvmm 13 678\n',
    `supervisor 12 345\nvmm 13 678\n${' '.repeat(1_000_000)}`,
  ])('is no record when it is anything else (%#)', (text) => {
    expect(parsePidRecord(text)).toBeUndefined();
  });
});
