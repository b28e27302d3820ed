import type { SuperviseRequest } from '@boxlite/core';
import { describe, expect, it } from 'vitest';
import { encodeLaunchConfig, LAUNCH_CONFIG_MAX_BYTES } from './launch-config.js';

const request: SuperviseRequest = {
  boxId: 'aaaaaaaaaaaa',
  command: { binary: '/vmm', args: ['-m', ''], env: { A: '1=2' }, pidReport: { kind: 'self' } },
  agentSocket: '/b/box.sock',
  controlDir: '/b/control',
  pidFile: '/b/shim.pid',
  stderrFile: '/b/shim.stderr',
  exitFile: '/b/exit',
  consoleFile: '/b/console.log',
  consoleMaxBytes: 4096,
  detached: false,
};

/** The records again, as the supervisor reads them. */
function decode(bytes: Uint8Array): [string, string][] {
  const view = Buffer.from(bytes);
  const records: [string, string][] = [];
  for (let at = 0; at < view.length; ) {
    const keyEnd = at + 8 + view.readUInt32LE(at);
    const valueEnd = keyEnd + 1 + view.readUInt32LE(at + 4);
    expect([view[keyEnd], view[valueEnd]]).toEqual([0, 0]);
    records.push([view.toString('latin1', at + 8, keyEnd), view.toString('latin1', keyEnd + 1, valueEnd)]);
    at = valueEnd + 1;
  }
  return records;
}

describe('the launch config', () => {
  it('keeps arguments apart, also empty ones, and ends with an empty record', () => {
    const records = decode(encodeLaunchConfig(request));
    expect(records.filter(([key]) => key === 'arg')).toEqual([
      ['arg', '-m'],
      ['arg', ''],
    ]);
    expect(records).toContainEqual(['env', 'A=1=2']);
    expect(records.at(-1)).toEqual(['end', '']);
    expect(records.map(([key]) => key)).not.toContain('detached');
  });

  it('says nothing of what was not asked for, and every limit that was', () => {
    const limits = { maxOpenFiles: 1, maxFileSize: 2, maxMemory: 4, maxCpuTime: 0 };
    const records = decode(
      encodeLaunchConfig({ ...request, detached: true, command: { ...request.command, rlimits: limits } }),
    );
    expect(records.filter(([key]) => key.startsWith('limit-'))).toEqual([
      ['limit-open-files', '1'],
      ['limit-file-size', '2'],
      ['limit-memory', '4'],
      ['limit-cpu-seconds', '0'],
    ]);
    expect(records).toContainEqual(['detached', '']);
  });

  it('carries the descriptor of a diagnosis run, and the names of calls each on a line of its own', () => {
    const names = new Map([
      [0, 'read'],
      [425, 'io_uring_setup'],
    ]);
    const command = { ...request.command, syscallReport: { fd: 127, names } };
    expect(decode(encodeLaunchConfig({ ...request, command }))).toContainEqual([
      'syscall-report',
      '\x7f\0\0\0\n0 read\n425 io_uring_setup\n',
    ]);
  });

  it('carries binary data behind the descriptor it is for', () => {
    const command = { ...request.command, dataFds: [{ fd: 9, data: Uint8Array.of(0, 255, 10) }] };
    expect(decode(encodeLaunchConfig({ ...request, command }))).toContainEqual(['data-fd', '\x09\0\0\0\0\xff\n']);
  });

  it('carries the path of a file behind the descriptor it is for, as that of a listener', () => {
    const asked = { ...request, listeners: [{ fd: 10, path: '/s' }], files: [{ fd: 11, path: '/state \u00e9' }] };
    const records = decode(encodeLaunchConfig(asked));
    expect(records).toContainEqual(['listener', '\x0a\0\0\0/s']);
    expect(records).toContainEqual(['file', Buffer.from('\x0b\0\0\0/state \u00e9').toString('latin1')]);
  });

  it('refuses what the supervisor would refuse for its size, naming the field', () => {
    expect(() => encodeLaunchConfig({ ...request, stdin: new Uint8Array(LAUNCH_CONFIG_MAX_BYTES) })).toThrow(
      expect.objectContaining({ code: 'invalid_argument', details: { field: 'command' } }),
    );
  });

  it.each([-1, 1.5, Number.NaN, 2 ** 32])('refuses %d as a descriptor', (fd) => {
    expect(() => encodeLaunchConfig({ ...request, listeners: [{ fd, path: '/s' }] })).toThrow(
      expect.objectContaining({ code: 'invalid_argument' }),
    );
  });
});
