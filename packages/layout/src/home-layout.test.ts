import { relative } from 'node:path';
import { parseBaseDiskId } from '@boxlite/core';
import { describe, expect, it } from 'vitest';
import { createHomeLayout, logsDirFor } from './home-layout.js';

const layout = createHomeLayout('/data/boxes', { uid: 1000 });

describe('the layout of a home', () => {
  it('puts every directory where the specification says', () => {
    const paths = Object.fromEntries(
      Object.entries(layout)
        .filter((entry): entry is [string, string] => typeof entry[1] === 'string')
        .map(([name, path]) => [name, relative('/data/boxes', path)]),
    );
    expect(paths).toEqual({
      home: '',
      dbDir: 'db',
      databaseFile: 'db/boxlite.db',
      imagesDir: 'images',
      layersDir: 'images/layers',
      extractedDir: 'images/extracted',
      diskImagesDir: 'images/disk-images',
      manifestsDir: 'images/manifests',
      configsDir: 'images/configs',
      localDir: 'images/local',
      boxesDir: 'boxes',
      basesDir: 'bases',
      kernelsDir: 'kernels',
      templatesDir: 'templates',
      locksDir: 'locks',
      logsDir: 'logs',
      tmpDir: 'tmp',
    });
  });

  it('reads the environment when no home is given', () => {
    expect(createHomeLayout(undefined, { env: { BOXLITE_HOME: '/elsewhere' } }).home).toBe('/elsewhere');
  });

  it('refuses a relative home', () => {
    expect(() => createHomeLayout('boxes')).toThrow(expect.objectContaining({ code: 'config_error' }));
  });

  it('knows the log directory before a layout exists', () => {
    expect(logsDirFor('/nowhere/yet')).toBe('/nowhere/yet/logs');
    expect(() => logsDirFor('relative')).toThrow(expect.objectContaining({ code: 'config_error' }));
  });

  it('keeps base disks flat in bases/ as <id8>.qcow2 and <id8>.ext4', () => {
    const id = parseBaseDiskId('Ab3dEf9h');
    expect(layout.baseDisk(id, 'qcow2')).toBe('/data/boxes/bases/Ab3dEf9h.qcow2');
    expect(layout.baseDisk(id, 'ext4')).toBe('/data/boxes/bases/Ab3dEf9h.ext4');
  });

  it('names kernels by their sha256 and by nothing else', () => {
    expect(layout.kernel('a'.repeat(64))).toBe(`/data/boxes/kernels/${'a'.repeat(64)}`);
    for (const name of ['../../etc/passwd', 'A'.repeat(64), 'a'.repeat(63)]) {
      expect(() => layout.kernel(name)).toThrow(expect.objectContaining({ code: 'invalid_argument' }));
    }
  });
});

describe('the cache directory of a local bundle', () => {
  const digest = `sha256:${'0123456789abcdef'.repeat(4)}`;

  it('is the first 8 characters of the path’s SHA-256, a dash, and of the manifest digest', () => {
    // printf %s /images/app | sha256sum
    expect(layout.localBundleDir('/images/app', digest)).toBe('/data/boxes/images/local/012db185-01234567');
  });

  it('is the same for the same path and digest, another for changed content or another spelling of the path', () => {
    const first = layout.localBundleDir('/images/app', digest);
    expect(layout.localBundleDir('/images/app', digest)).toBe(first);
    expect(layout.localBundleDir('/images/app', `sha256:${'f'.repeat(64)}`)).not.toBe(first);
    expect(layout.localBundleDir('/images/app/', digest)).not.toBe(first);
  });

  it('takes a digest shorter than 8 digits whole, with or without its prefix', () => {
    expect(layout.localBundleDir('/images/app', 'sha256:abc')).toMatch(/-abc$/);
    expect(layout.localBundleDir('/images/app', 'abc')).toMatch(/-abc$/);
  });

  it('validates the digest before it becomes a path', () => {
    for (const bad of ['sha256:', '', 'sha256:../../x', '..', 'sha256:ABCDEF01', 'sha512:abc', 'a'.repeat(65)]) {
      expect(() => layout.localBundleDir('/images/app', bad)).toThrow(
        expect.objectContaining({ code: 'image_invalid', details: { field: 'manifestDigest' } }),
      );
    }
  });
});
