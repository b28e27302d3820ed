import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildStarterImage } from '../../scripts/starter-image.mjs';
import * as fixtures from './oci-fixtures.js';

let directory: string;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'oci-fixtures-'));
});

afterAll(() => rmSync(directory, { recursive: true, force: true }));

const at = (name: string) => join(directory, name);
/** Copying reads and verifies every blob. */
const copy = (name: string) =>
  spawnSync('skopeo', ['copy', '-q', '--insecure-policy', `oci:${at(name)}`, `dir:${at(`${name}-copy`)}`]).status;

describe('the images of the tests', () => {
  it('are valid for skopeo, run what they say, and are the same bytes every time', () => {
    const image = fixtures.busyboxImage(at('busybox'));
    const inspected = JSON.parse(
      execFileSync('skopeo', ['inspect', '--config', image.reference], { encoding: 'utf8' }),
    );
    expect(inspected.config).toMatchObject({ WorkingDir: '/work', Cmd: ['sh'] });
    expect(inspected.config.Env).toContain('GREETING=hello');
    expect(copy('busybox')).toBe(0);
    expect(fixtures.busyboxImage(at('again'))).toEqual({
      ...image,
      directory: at('again'),
      reference: `oci:${at('again')}`,
    });
  });

  it('unpack to a busybox system with the user app', () => {
    fixtures.layeredImage(at('layered'));
    execFileSync('umoci', ['unpack', '--rootless', '--image', `${at('layered')}:latest`, at('bundle')], {
      stdio: 'pipe',
    });
    const root = join(at('bundle'), 'rootfs');
    expect(readFileSync(join(root, 'etc/passwd'), 'utf8')).toContain('app:x:1000:1000:');
    const listed = execFileSync('find', ['layers', '-type', 'f'], { cwd: root, encoding: 'utf8' });
    expect(listed.trim().split('\n').sort()).toEqual(['layers/changed', 'layers/hidden/above']);
    expect(readFileSync(join(root, 'layers/changed'), 'utf8')).toBe('upper\n');
    expect(execFileSync(join(root, 'bin/busybox'), ['echo', 'it runs'], { encoding: 'utf8' })).toBe('it runs\n');
  });

  it('are refused by skopeo too where a blob is not what its digest or size says', () => {
    fixtures.imageWithWrongLayerDigest(at('wrong-digest'));
    fixtures.imageWithTruncatedLayer(at('truncated'));
    expect([copy('wrong-digest'), copy('truncated')]).toEqual([1, 1]);
  });

  it('have sound blobs where the flaw is deeper', () => {
    fixtures.imageWithDotDotEntry(at('dotdot'));
    fixtures.imageWithEscapingHardLink(at('hardlink'));
    fixtures.imageWithTruncatedGzip(at('truncated-gzip'));
    fixtures.imageWithWrongDiffId(at('wrong-diff-id'));
    const names = ['dotdot', 'hardlink', 'truncated-gzip', 'wrong-diff-id'];
    expect(names.map((name) => [name, copy(name)])).toEqual(names.map((name) => [name, 0]));
  });

  it('can be of another architecture', () => {
    const { reference } = fixtures.imageForAnotherArchitecture(at('other'));
    const { architecture } = JSON.parse(
      execFileSync('skopeo', ['inspect', '--config', '--raw', reference], { encoding: 'utf8' }),
    );
    expect(architecture).toBe(process.arch === 'x64' ? 'arm64' : 'amd64');
  });
});

describe('the starter image', () => {
  it('is valid, and made again over itself or over another is the same', () => {
    fixtures.busyboxImage(at('starter'));
    const digest = buildStarterImage(at('starter'));
    expect(buildStarterImage(at('starter'))).toBe(digest);
    expect(copy('starter')).toBe(0);
    const blobs = execFileSync('ls', [join(at('starter'), 'blobs/sha256')], { encoding: 'utf8' })
      .trim()
      .split('\n');
    expect(blobs).toHaveLength(3);
  });

  it('is not made of a file that is no static program', () => {
    const run = spawnSync(process.execPath, ['scripts/starter-image.mjs', at('never')], {
      cwd: new URL('../..', import.meta.url),
      encoding: 'utf8',
      env: { ...process.env, BOXLITE_BUSYBOX: process.execPath },
    });
    expect(run.status).toBe(1);
    expect(run.stderr).toMatch(/install the package busybox-static\n.*dynamically linked/);
    expect(existsSync(at('never'))).toBe(false);
  });
});
