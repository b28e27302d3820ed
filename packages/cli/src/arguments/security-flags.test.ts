import { describe, expect, it } from 'vitest';
import { parseLimits } from './parse-limit.js';
import { type SecurityFlags, securityOptions } from './security-flags.js';

describe('the flags about the jail', () => {
  it('say nothing of what was not asked for', () => {
    expect(securityOptions({})).toEqual({});
  });

  it.each<[SecurityFlags, object]>([
    [{ jailer: 'best-effort' }, { jailer: 'best-effort' }],
    [{ security: 'disable' }, { jailer: 'off' }],
    [{ security: 'enable' }, { jailer: 'required' }],
    [{ security: 'enable', jailer: 'best-effort' }, { jailer: 'best-effort' }],
    [
      { seccomp: 'diagnose', pidsLimit: '90', limit: ['cpus=1.5'] },
      { seccomp: 'diagnose', maxProcesses: 90, cpuQuota: 1.5 },
    ],
  ])('%j are the box options %j', (flags, security) => {
    expect(securityOptions(flags)).toEqual({ security });
  });

  it.each<[string, SecurityFlags]>([
    ['jailer', { jailer: 'required', security: 'disable' }],
    ['jailer', { jailer: 'off', security: 'enable' }],
    ['seccomp', { seccomp: 'off', security: 'enable' }],
    ['seccomp', { seccomp: 'enforce', security: 'disable' }],
    ['pids-limit', { pidsLimit: 'many' }],
    ['limit', { limit: ['pids'] }],
  ])('that contradict each other or are malformed are refused, naming %s', (field, flags) => {
    expect(() => securityOptions(flags)).toThrow(
      expect.objectContaining({ code: 'invalid_argument', details: { field }, hint: expect.stringMatching(/\S/) }),
    );
  });
});

describe('--limit', () => {
  it('takes sizes with a unit, whole numbers, and processors with a fraction; the last of one name counts', () => {
    expect(
      parseLimits(['memory=1g', 'memory=512MiB', 'swap=0', 'read-bps=10m', 'write-bps=1k', 'file-size=2t']),
    ).toEqual({
      ...{ maxMemory: 512 * 1024 ** 2, maxSwap: 0, maxFileSize: 2 * 1024 ** 4 },
      ...{ ioReadBytesPerSecond: 10 * 1024 ** 2, ioWriteBytesPerSecond: 1024 },
    });
    expect(
      parseLimits(['pids=100', 'cpus=0.5', 'cpu-weight=50', 'io-weight=20', 'cpu-time=9', 'open-files=7']),
    ).toEqual({
      ...{ maxProcesses: 100, cpuQuota: 0.5, cpuWeight: 50, ioWeight: 20, maxCpuTime: 9, maxOpenFiles: 7 },
    });
  });

  it.each([
    '',
    '=',
    'pids',
    'pids=',
    'pids=-1',
    'pids=1.5',
    'memory=512',
    'memory=1x',
    'cpus=1e3',
    'constructor=1',
    'speed=9',
  ])('refuses %j and says how it is written', (text) => {
    expect(() => parseLimits([text])).toThrow(
      expect.objectContaining({ hint: expect.stringContaining('--limit'), details: { field: 'limit' } }),
    );
  });
});
