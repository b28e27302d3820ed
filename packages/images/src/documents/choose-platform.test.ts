import type { Platform } from '@boxlite/core';
import { describe, expect, it } from 'vitest';
import { sha256 } from '../blobs/sha256.js';
import { choosePlatform, hostPlatform } from './choose-platform.js';
import type { IndexEntry } from './image-documents.js';
import { MEDIA_TYPE } from './media-types.js';

/** `amd64`, `arm/v7`, or `-` for none; `index:` before it for a nested index. */
function entry(written: string): IndexEntry {
  const [kind, name = ''] = written.startsWith('index:') ? ['index', written.slice(6)] : ['manifest', written];
  const mediaType = kind === 'index' ? MEDIA_TYPE.ociIndex : MEDIA_TYPE.ociManifest;
  return { mediaType, digest: sha256(written), size: 1, ...(name === '-' ? {} : { platform: platform(name) }) };
}

function platform(name: string): Platform {
  const [architecture = '', variant] = name.split('/');
  return { os: 'linux', architecture, ...(variant === undefined ? {} : { variant }) };
}

const attestation: IndexEntry = {
  ...entry('unknown'),
  platform: { os: 'unknown', architecture: 'unknown' },
  annotations: { 'vnd.docker.reference.type': 'attestation-manifest', 'vnd.docker.reference.digest': sha256('amd64') },
};

/** What is chosen, as written. */
function choose(offered: readonly string[], wanted: string): readonly string[] {
  const chosen = choosePlatform(offered.map(entry), platform(wanted), 'app');
  return chosen.map(({ digest }) => offered.find((written) => sha256(written) === digest) ?? '?');
}

describe('the platform of an index', () => {
  it.each<[string, string[], string]>([
    ['amd64', ['arm64', 'amd64'], 'amd64'],
    ['amd64', ['amd64/v3', 'amd64/v2', 'amd64'], 'amd64'],
    ['amd64', ['amd64/v2', 'amd64/v1'], 'amd64/v1'],
    ['amd64/v3', ['amd64', 'amd64/v2'], 'amd64/v2'],
    ['amd64/v3', ['amd64/v4', 'amd64/v3', 'amd64'], 'amd64/v3'],
    ['amd64', ['x86_64'], 'x86_64'],
    ['arm64', ['arm64/v8'], 'arm64/v8'],
    ['arm64/v8', ['arm64'], 'arm64'],
    ['arm64', ['arm64/v9', 'arm64/8'], 'arm64/8'],
    ['arm64/v9', ['arm64/v8', 'arm64'], 'arm64/v8'],
    ['arm64/v8.2', ['arm64/v8.3', 'arm64/v8.1', 'arm64'], 'arm64/v8.1'],
    ['arm64', ['aarch64'], 'aarch64'],
    ['arm/v7', ['arm/v5', 'arm/v6'], 'arm/v6'],
    ['arm', ['arm/v6', 'arm/v7'], 'arm/v7'],
    ['arm/v7', ['arm/v8', 'arm/v5'], 'arm/v5'],
    ['arm/v6', ['armhf', 'armel'], 'armel'],
    ['s390x', ['s390x/z13'], 's390x/z13'],
    ['386', ['i386'], 'i386'],
  ])('of a machine that is %s and of %j is %s', (wanted, offered, chosen) => {
    expect(choose(offered, wanted)).toEqual([chosen]);
  });

  it.each<[string, string[]]>([
    ['amd64', ['amd64/v2', 'amd64/v3']],
    ['amd64', ['386', 'arm64']],
    ['arm64', ['arm64/v9', 'arm/v7']],
    ['arm/v6', ['arm/v7', 'arm/v8']],
    ['s390x/z13', ['s390x']],
    ['amd64', ['-', 'arm64', 'index:arm64', 'x-']],
    ['amd64', []],
  ])('of a machine that is %s is not among %j', (wanted, offered) => {
    const entries = offered.map((name) => (name === 'x-' ? { ...entry('-'), digest: sha256('other') } : entry(name)));
    expect(() => choosePlatform(entries, platform(wanted), 'app')).toThrow(
      expect.objectContaining({ code: 'platform_mismatch' }),
    );
  });

  it('is looked for in nested indexes when nothing else fits, and in an image that says none when it is the only one', () => {
    expect(choose(['index:-', 'amd64'], 'amd64')).toEqual(['amd64']);
    expect(choose(['arm64', 'index:-'], 'amd64')).toEqual(['index:-']);
    expect(choose(['-'], 'amd64')).toEqual(['-']);
  });

  it('is never that of an attestation, nor of what is no image', () => {
    const signature: IndexEntry = {
      ...entry('-'),
      digest: sha256('signature'),
      mediaType: 'application/vnd.dev.sigstore',
    };
    const image = entry('-');
    expect(choosePlatform([attestation, signature, image], platform('amd64'), 'app')).toEqual([image]);
    const alone = { ...attestation, platform: undefined };
    expect(() => choosePlatform([alone], platform('amd64'), 'app')).toThrow(
      expect.objectContaining({ code: 'platform_mismatch', details: expect.objectContaining({ available: [] }) }),
    );
  });

  it('may have several names', () => {
    const named = ['v1', 'v2'].map((name) => ({ ...entry('-'), annotations: { name } }));
    expect(choosePlatform(named, platform('amd64'), 'app')).toHaveLength(1);
  });

  it('of this machine is linux and its architecture', () => {
    expect(hostPlatform('x64')).toEqual({ os: 'linux', architecture: 'amd64' });
    expect(hostPlatform('arm64')).toEqual({ os: 'linux', architecture: 'arm64' });
    expect(hostPlatform('riscv64')).toEqual({ os: 'linux', architecture: 'riscv64' });
  });
});
