import { BoxliteError } from '@boxlite/core';
import type { FoundLibkrun } from '@boxlite/vmm-libkrun';
import { describe, expect, it } from 'vitest';
import { checkOfError } from './check.js';
import { NO_SPACE_BYTES, spaceCheck } from './home-checks.js';
import { kernelCheck } from './kernel-check.js';
import { kvmCheck } from './kvm-check.js';
import { libkrunCheck } from './libkrun-check.js';
import { platformCheck } from './platform-check.js';
import { programsCheck } from './programs-check.js';

const GIB = 1024 ** 3;
const missing = new BoxliteError('kernel_unavailable', 'no guest kernel was found:\n  /usr/lib: none', {
  hint: 'install libkrunfw',
  details: { places: ['/usr/lib: none'] },
});
const fails = (thrown: unknown) => () => Promise.reject(thrown);

describe('platformCheck', () => {
  const linux = { platform: 'linux', architecture: 'x64', node: '20.20.2', uid: 0 };

  it('passes Linux on both architectures, and names the user', () => {
    expect(platformCheck(linux)).toMatchObject({ status: 'ok', detail: 'linux x64, Node.js 20.20.2, as root' });
    expect(platformCheck({ ...linux, architecture: 'arm64', uid: 1000 })).toMatchObject({
      status: 'ok',
      detail: expect.stringContaining('as user 1000'),
    });
  });

  it('fails everywhere else, because no box can run there', () => {
    const mac = { ...linux, platform: 'darwin', architecture: 'arm64' };
    expect(platformCheck(mac)).toMatchObject({
      status: 'failed',
      remedy: expect.stringContaining('Linux'),
      facts: mac,
    });
    expect(platformCheck({ ...linux, architecture: 'riscv64' }).status).toBe('failed');
  });
});

describe('spaceCheck', () => {
  it.each([
    ['ok', 80 * GIB, '80.0 of 100.0 GiB free'],
    ['warning', GIB - 1, '1.0 of 100.0 GiB free'],
    ['failed', NO_SPACE_BYTES - 1, '0.1 of 100.0 GiB free'],
  ] as const)('is %s with %d bytes free', (status, freeBytes, detail) => {
    const facts = { path: '/home/a/.boxlite', freeBytes, totalBytes: 100 * GIB };
    const check = spaceCheck(facts);
    expect(check).toMatchObject({ id: 'disk-space', status, detail, facts });
    expect(check.remedy === undefined).toBe(status === 'ok');
  });
});

describe('kvmCheck', () => {
  it('is ok where KVM is usable, else a warning with the reason and remedy of the probe', () => {
    expect(kvmCheck({ state: 'usable', apiVersion: 12 })).toMatchObject({
      status: 'ok',
      facts: { state: 'usable', apiVersion: 12 },
    });
    for (const state of [
      'missing',
      'denied',
      'module-absent',
      'disabled-in-firmware',
      'nested-off',
      'cannot-run-unmodified-kernel',
    ] as const) {
      expect(kvmCheck({ state, reason: `because ${state}`, remedy: 'do this' })).toEqual({
        id: 'kvm',
        status: 'warning',
        detail: `because ${state}`,
        remedy: 'do this',
        facts: { state },
      });
    }
  });
});

describe('kernelCheck', () => {
  it('says which kernel was found where, and fails without one', async () => {
    const digest = `sha256:${'0'.repeat(64)}` as const;
    const kernel = { source: 'libkrunfw', path: '/k', version: '6.12.1', origin: 'system', digest };
    expect(await kernelCheck(async () => kernel)).toMatchObject({
      status: 'ok',
      detail: 'Linux 6.12.1 of libkrunfw, from system: /k',
      facts: { source: 'libkrunfw', version: '6.12.1', path: '/k' },
    });
    expect(await kernelCheck(fails(missing))).toEqual({
      id: 'guest-kernel',
      status: 'failed',
      detail: missing.message,
      remedy: 'install libkrunfw',
      facts: { code: 'kernel_unavailable', places: ['/usr/lib: none'] },
    });
    // A stranger's source that needs more than there is to look at.
    expect((await kernelCheck(fails(new TypeError('no store')))).status).toBe('warning');
  });
});

describe('libkrunCheck', () => {
  const library: FoundLibkrun = {
    path: '/usr/lib64/libkrun.so.1.18.0',
    origin: 'system libkrun.so.1',
    version: '1.18.0',
    minimumVersion: '1.18.0',
    symbols: new Set(),
    hasFeature: (name) => (name === 'gpu' ? undefined : name === 'net' || name === 'blk'),
    maxVcpus: 8,
  };

  it('says version, features and place, with a lower bound where the version is not known', async () => {
    expect(await libkrunCheck(async () => library)).toMatchObject({
      status: 'ok',
      detail: '1.18.0 with net, blk, from system libkrun.so.1: /usr/lib64/libkrun.so.1.18.0',
      facts: { version: '1.18.0', features: ['net', 'blk'], maxVcpus: 8 },
    });
    const unnamed = await libkrunCheck(async () => ({ ...library, version: undefined }));
    expect(unnamed.detail).toContain('1.18.0 or newer');
  });

  it('is a warning without one: another VMM may be there', async () => {
    expect(await libkrunCheck(fails(missing))).toMatchObject({ status: 'warning', remedy: 'install libkrunfw' });
  });
});

describe('programsCheck', () => {
  it('names the first native program that is missing, with the way to get it', () => {
    expect(programsCheck({ a: () => '/a', b: () => '/b' })).toMatchObject({
      status: 'ok',
      facts: { paths: { a: '/a', b: '/b' } },
    });
    const absent = () => {
      throw new BoxliteError('native_missing', 'b was not found', { hint: 'install again' });
    };
    expect(programsCheck({ a: () => '/a', b: absent })).toMatchObject({
      id: 'programs',
      status: 'failed',
      detail: 'b was not found',
      remedy: 'install again',
    });
  });
});

describe('checkOfError', () => {
  it('keeps a plain error as what was found', () => {
    expect(checkOfError('home', 'failed', new Error('odd'))).toEqual({
      id: 'home',
      status: 'failed',
      detail: 'odd',
      facts: {},
    });
  });
});
