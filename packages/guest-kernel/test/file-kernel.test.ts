import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BoxliteError } from '@boxlite/core';
import { kernelSourceConformance, pluginConformance, runConformance } from '@boxlite/core/testing';
import { createFileKernelSource, fileKernelPlugin } from '@boxlite/guest-kernel';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { smallArm64Image, smallVmlinux } from './support/small-build.js';

let directory: string;
let kernelPath: string;
let homes = 0;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'boxlite-file-kernel-'));
  kernelPath = join(directory, 'vmlinux');
  await writeFile(kernelPath, smallVmlinux());
});
afterAll(() => rm(directory, { recursive: true, force: true }));

const nextHome = () => {
  homes += 1;
  return join(directory, `home-${homes}`);
};
const x64 = { architecture: 'x64' };
const failure = (promise: Promise<unknown>) =>
  promise.then(
    () => expect.unreachable('should have failed'),
    (thrown: unknown) => thrown as BoxliteError,
  );

describe('a kernel of the user', () => {
  it('is read again when its file has changed', async () => {
    const path = join(directory, 'changing');
    await writeFile(path, smallVmlinux('6.1.5'));
    const source = createFileKernelSource({ ...x64, home: nextHome(), kernelPath: path });
    const first = await source.kernel();
    expect(first).toMatchObject({ version: '6.1.5', origin: 'option kernelPath' });
    expect(first.maxVcpus).toBeUndefined();
    await writeFile(path, smallVmlinux('6.1.6'));
    expect((await source.kernel()).version).toBe('6.1.6');
  });

  it('is an Image on arm64', async () => {
    const path = join(directory, 'Image');
    await writeFile(path, smallArm64Image());
    const home = nextHome();
    expect((await createFileKernelSource({ home, kernelPath: path, architecture: 'arm64' }).kernel()).version).toBe(
      '6.1.99-boxlite',
    );
    const other = createFileKernelSource({ home, kernelPath, architecture: 'arm64' });
    expect(await failure(other.kernel())).toMatchObject({ details: { field: 'magic' } });
  });

  it.each([
    ['is compressed', () => Buffer.from([0x1f, 0x8b, ...smallVmlinux()]), 'e_ident'],
    ['has no PVH entry', () => Buffer.from(smallVmlinux()).fill(0, 64 + 56, 64 + 60), 'pvh_note'],
    ['has no version', () => smallVmlinux('none'), 'version'],
    ['is empty', () => Buffer.alloc(0), 'e_ident'],
  ])('is refused when it %s', async (_, bytes, field) => {
    const path = join(directory, 'bad');
    await writeFile(path, bytes());
    const error = await failure(createFileKernelSource({ ...x64, home: nextHome(), kernelPath: path }).kernel());
    expect(error).toMatchObject({ code: 'kernel_unavailable', details: { field, path, chosen: true } });
  });

  it('is refused when it is not there, a pipe, or too large', async () => {
    const home = nextHome();
    const of = (path: string) => failure(createFileKernelSource({ ...x64, home, kernelPath: path }).kernel());
    expect((await of(join(directory, 'none'))).message).toContain('ENOENT');
    execFileSync('mkfifo', [join(directory, 'pipe')]);
    expect(await of(join(directory, 'pipe'))).toMatchObject({ details: { field: 'type' } });
    await writeFile(join(directory, 'large'), '');
    await truncate(join(directory, 'large'), 2 ** 31);
    expect(await of(join(directory, 'large'))).toMatchObject({ details: { field: 'size' } });
    expect(() => createFileKernelSource({ home, kernelPath: 'vmlinux' })).toThrowError(
      expect.objectContaining({ code: 'invalid_argument', details: { field: 'kernelPath' } }),
    );
  });
});

describe('a kernel of the user as every kernel source', () => {
  const suite = kernelSourceConformance(async () => {
    const home = nextHome();
    return {
      home,
      create: () => createFileKernelSource({ ...x64, home, kernelPath }),
      createHopeless: () => createFileKernelSource({ ...x64, home, kernelPath: join(directory, 'nothing') }),
    };
  });
  runConformance(suite, it);
  const plugins = pluginConformance({
    createPlugin: () => fileKernelPlugin({ ...x64, home: join(directory, 'plugin'), kernelPath }),
    createUnavailable: () => fileKernelPlugin({ home: join(directory, 'plugin'), kernelPath: '/nonexistent' }),
    context: undefined,
    members: ['id', 'kernel'],
  });
  runConformance(plugins, it);
});
