import type { VmmSpec } from '@boxlite/core';
import { describe, expect, it } from 'vitest';
import type { LibkrunLibrary } from '../library/libkrun-library.js';
import { checkLibrary } from './check-library.js';

const OLD = [
  'krun_create_ctx',
  'krun_set_vm_config',
  'krun_set_kernel',
  'krun_disable_implicit_vsock',
  'krun_add_vsock',
  'krun_add_vsock_port2',
  'krun_set_console_output',
  'krun_start_enter',
  'krun_add_disk2',
  'krun_add_virtiofs',
  'krun_add_net_unixstream',
];
const library = (symbols: readonly string[], maxVcpus?: number): LibkrunLibrary => ({
  path: '/lib/libkrun.so.1',
  version: '1.17.4',
  symbols: new Set(symbols),
  hasFeature: () => undefined,
  maxVcpus,
});
const spec: VmmSpec = {
  boxId: 'box',
  vcpus: 2,
  memoryMib: 128,
  kernel: '/k',
  commandLine: [],
  disks: [{ path: '/d', format: 'raw', readOnly: true }],
  shares: [],
  nics: [],
  agentSocket: '/a',
};
const readOnly = { tag: 't', hostPath: '/s', readOnly: true };

describe('a libkrun and what a box asks of it', () => {
  it('a read-only share without host enforcement is refused before spawn, with the reason', () => {
    expect(() => checkLibrary({ ...spec, shares: [readOnly] }, library(OLD))).toThrow(
      expect.objectContaining({
        code: 'unsupported',
        details: { field: 'shares[0].readOnly' },
        message: expect.stringContaining('krun_add_virtiofs3 (1.18)'),
        hint: expect.stringContaining('jail'),
      }),
    );
  });

  it('a read-only share is taken where the jail enforces it, and where libkrun does', () => {
    checkLibrary({ ...spec, shares: [{ ...readOnly, hostEnforced: true }] }, library(OLD));
    checkLibrary({ ...spec, shares: [readOnly] }, library([...OLD, 'krun_add_virtiofs3']));
    checkLibrary({ ...spec, shares: [{ ...readOnly, readOnly: false }] }, library(OLD));
  });

  it.each([
    ['krun_add_disk2', 'disks', {}],
    ['krun_add_net_unixstream', 'nics', { nics: [{ socketPath: '/n', macAddress: '02:00:00:00:00:01' }] }],
    ['krun_add_virtiofs', 'shares[0]', { shares: [{ ...readOnly, readOnly: false }] }],
  ])('without %s refuses a box with %s, and says what the function serves', (symbol, field, change) => {
    const lacking = library(OLD.filter((name) => name !== symbol));
    expect(() => checkLibrary({ ...spec, ...change }, lacking)).toThrow(
      expect.objectContaining({
        code: 'unsupported',
        details: { field },
        message: expect.stringContaining(`no ${symbol}`),
      }),
    );
    if (field !== 'disks') checkLibrary(spec, lacking);
  });

  it('without a function every machine needs it is not available at all', () => {
    const lacking = library(OLD.filter((name) => name !== 'krun_add_vsock'));
    expect(() => checkLibrary(spec, lacking)).toThrow(
      expect.objectContaining({ code: 'vmm_unavailable', message: expect.stringContaining('krun_add_vsock') }),
    );
  });

  it("more CPUs than this host's KVM has for one machine are refused", () => {
    checkLibrary(spec, library(OLD, 2));
    expect(() => checkLibrary({ ...spec, vcpus: 3 }, library(OLD, 2))).toThrow(
      expect.objectContaining({ code: 'unsupported', details: { field: 'vcpus' } }),
    );
  });
});
