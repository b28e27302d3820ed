import { describe, expect, it } from 'vitest';
import { parseCpuInfo } from './cpu-info.js';
import { parseProbeRun } from './probe-run.js';

describe('parseProbeRun', () => {
  it('reads the line of the program and refuses anything else', () => {
    const line =
      '{"step":"done","errno":0,"apiVersion":12,"exitReason":5,"suberror":0,"checks":{"int3":true},"tscKhz":1}\n';
    expect(parseProbeRun(line)).toMatchObject({ step: 'done', checks: { int3: true } });
    const wrong = ['', 'null', '[]', '{"step":1}', line.replace('true', '1'), line.replace('{"int3":true}', 'null')];
    for (const text of [...wrong, line.slice(0, 40)]) {
      expect(() => parseProbeRun(text)).toThrowError(expect.objectContaining({ code: 'internal' }));
    }
  });
});

describe('parseCpuInfo', () => {
  it('tells vendor, virtualisation and whether the host is a guest itself', () => {
    const text = 'processor\t: 0\nvendor_id\t: AuthenticAMD\nflags\t\t: fpu svm hypervisor\n\nprocessor\t: 1\n';
    expect(parseCpuInfo(text)).toEqual({ vendor: 'AuthenticAMD', hasVirtualization: true, isGuest: true });
    expect(parseCpuInfo('')).toEqual({ vendor: '', hasVirtualization: false, isGuest: false });
    expect(parseCpuInfo('flags : novmx vmxoff\n').hasVirtualization).toBe(false);
  });
});
