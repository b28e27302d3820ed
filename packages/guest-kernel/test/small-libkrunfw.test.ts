import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BoxliteError } from '@boxlite/core';
import { createLibkrunfwKernelSource, PINNED_LIBKRUNFW, PVH_ELF_IMAGE_OFFSET } from '@boxlite/guest-kernel';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { buildFromLibkrunfw } from '../src/build-kernel.js';
import { compileLibrary, LOAD_ADDRESS, smallKernelImage } from './support/small-library.js';

let directory: string;
let home: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'boxlite-kernel-'));
  home = join(directory, 'home');
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const nowhere = { environment: {}, libraryDirectories: [], resolveFrom: [] };
const failure = (promise: Promise<unknown>) =>
  promise.then(
    () => expect.unreachable('should have failed'),
    (thrown: unknown) => thrown as BoxliteError,
  );

describe('the kernel of a libkrunfw', () => {
  it.each(['-O0', '-O2'])('is the same whether the library was compiled with %s', async (optimise) => {
    const image = smallKernelImage();
    const libraryPath = await compileLibrary(directory, image, { optimise });
    const kernel = await createLibkrunfwKernelSource({ home, libraryPath }).kernel();
    expect(kernel).toMatchObject({ version: '6.99.1', origin: 'option libraryPath' });
    const file = await readFile(kernel.path);
    expect(file.subarray(PVH_ELF_IMAGE_OFFSET).equals(image)).toBe(true);
    expect(Number(file.readBigUInt64LE(24))).toBe(LOAD_ADDRESS + 0x123);
  });

  it('is installed 0600 under the sha256 of its contents, in kernels/ of the home, with nothing left in tmp/', async () => {
    const libraryPath = await compileLibrary(directory, smallKernelImage());
    const { path, digest } = await createLibkrunfwKernelSource({ home, libraryPath }).kernel();
    expect(path).toBe(join(home, 'kernels', digest.slice('sha256:'.length)));
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await readdir(join(home, 'tmp'))).toEqual([]);
  });

  it.skipIf(process.getuid?.() !== 0)('is not installed in part on a full disk (needs root to mount one)', async () => {
    const libraryPath = await compileLibrary(directory, smallKernelImage());
    await mkdir(home);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=8k,mode=0700', 'boxlite-test', home]);
    try {
      const error = await failure(createLibkrunfwKernelSource({ home, libraryPath }).kernel());
      expect(error).toMatchObject({ code: 'disk_full' });
      expect([await readdir(join(home, 'kernels')), await readdir(join(home, 'tmp'))]).toEqual([[], []]);
    } finally {
      execFileSync('umount', [home]);
    }
  });

  it('is not made again for an unchanged library, and is for a changed one or a damaged cache', async () => {
    const libraryPath = await compileLibrary(directory, smallKernelImage());
    const source = createLibkrunfwKernelSource({ home, libraryPath });
    const first = await source.kernel();
    const inode = async () => (await stat(first.path)).ino;
    const before = await inode();
    expect(await source.kernel()).toEqual(first);
    expect(await inode()).toBe(before);

    await truncate(first.path, 100);
    expect(await source.kernel()).toEqual(first);
    expect((await stat(first.path)).size).toBe(PVH_ELF_IMAGE_OFFSET + 8192);

    await compileLibrary(directory, smallKernelImage({ banner: 'Linux version 7.0 (a)' }));
    const other = await source.kernel();
    expect(other.version).toBe('7.0');
    expect(other.path).not.toBe(first.path);
  });

  it('is found again when its index is not readable as one', async () => {
    const libraryPath = await compileLibrary(directory, smallKernelImage());
    const source = createLibkrunfwKernelSource({ home, libraryPath });
    const first = await source.kernel();
    for (const text of ['{', '[{"key":1}]', '"x"', ' '.repeat(70_000)]) {
      await writeFile(join(home, 'kernels', 'index.json'), text);
      expect(await source.kernel()).toEqual(first);
    }
  });

  it('is one file when many ask at once', async () => {
    const libraryPath = await compileLibrary(directory, smallKernelImage());
    const sources = Array.from({ length: 8 }, () => createLibkrunfwKernelSource({ home, libraryPath }));
    const kernels = await Promise.all(sources.map((source) => source.kernel()));
    expect(new Set(kernels.map(({ path }) => path)).size).toBe(1);
    expect(await readdir(join(home, 'tmp'))).toEqual([]);
  });
});

describe('where a kernel is looked for', () => {
  it('takes the option before BOXLITE_LIBKRUNFW, that before the system, and names the origin', async () => {
    const path = await compileLibrary(directory, smallKernelImage());
    const environment = { BOXLITE_LIBKRUNFW: path };
    const base = { home, libraryDirectories: [directory], environment };
    expect((await createLibkrunfwKernelSource({ ...base, libraryPath: path }).kernel()).origin).toBe(
      'option libraryPath',
    );
    expect((await createLibkrunfwKernelSource(base).kernel()).origin).toBe('BOXLITE_LIBKRUNFW');
    expect((await createLibkrunfwKernelSource({ ...base, environment: {} }).kernel()).origin).toBe(
      'system libkrunfw.so.5',
    );
  });

  it('goes on to the next place when a system library is no use, and then names each with its reason', async () => {
    await writeFile(join(directory, 'libkrunfw.so.5'), 'not an ELF');
    const error = await failure(
      createLibkrunfwKernelSource({
        ...nowhere,
        home,
        libraryDirectories: ['/nonexistent', directory],
        resolveFrom: [],
      }).kernel(),
    );
    expect(error).toMatchObject({ code: 'kernel_unavailable' });
    expect(error.message).toContain(
      `${directory}/libkrunfw.so.5 (system libkrunfw.so.5): the file is not a little-endian`,
    );
    expect(error.message).toContain('/nonexistent: no libkrunfw.so.5');
    expect(error.hint).toContain('BOXLITE_LIBKRUNFW');
  });

  it('does not fall back when the path the user chose is no use', async () => {
    const error = await failure(
      createLibkrunfwKernelSource({ home, libraryPath: '/nonexistent/libkrunfw.so.5' }).kernel(),
    );
    expect(error).toMatchObject({ code: 'kernel_unavailable', details: { origin: 'option libraryPath' } });
    expect(error.message).toContain('ENOENT');
  });

  it('refuses a relative path, naming the option', () => {
    expect(() => createLibkrunfwKernelSource({ home: 'relative' })).toThrowError(
      expect.objectContaining({ code: 'invalid_argument', details: { field: 'home' } }),
    );
  });
});

describe('the pinned npm package', () => {
  async function installPackage(version: string, contents: string): Promise<void> {
    const root = join(directory, 'node_modules', PINNED_LIBKRUNFW.packageName);
    await mkdir(join(root, 'lib'), { recursive: true });
    await writeFile(join(root, 'package.json'), JSON.stringify({ name: PINNED_LIBKRUNFW.packageName, version }));
    await writeFile(join(root, PINNED_LIBKRUNFW.file), contents);
  }

  it.each([
    ['another version', '0.6.19', 'version 0.6.19, pinned is 0.6.18'],
    ['other contents', '0.6.18', `pinned is ${PINNED_LIBKRUNFW.sha256}`],
  ])('is refused with %s', async (_, version, message) => {
    await installPackage(version, 'something else');
    const source = createLibkrunfwKernelSource({ ...nowhere, home, resolveFrom: [directory] });
    const error = await failure(source.kernel());
    expect(error).toMatchObject({ code: 'kernel_unavailable' });
    expect(error.message).toContain(message);
  });
});

describe('hostile libraries', () => {
  it.each([
    ['a note that leads outside the image', { pvhEntry: 0x7000000 }, {}, 'pvh_note'],
    ['no banner', { banner: 'Linux' }, {}, 'version'],
    ['an entry outside the image', {}, { entry: 0x7000000 }, 'krunfw_get_kernel'],
    ['a size beyond its data', {}, { size: 1 << 28 }, 'krunfw_get_kernel'],
  ])('are refused with %s', async (_, imageOptions, libraryOptions, field) => {
    const libraryPath = await compileLibrary(directory, smallKernelImage(imageOptions), libraryOptions);
    const error = await failure(createLibkrunfwKernelSource({ home, libraryPath }).kernel());
    expect(error).toMatchObject({ code: 'kernel_unavailable', details: { field, path: libraryPath } });
  });

  it('are refused with a typed error wherever they are cut, and never leave a kernel', async () => {
    const library = await readFile(await compileLibrary(directory, smallKernelImage()));
    for (let length = 0; length < library.length; length += 97) {
      expect(() => buildFromLibkrunfw(library.subarray(0, length))).toThrowError(
        expect.objectContaining({ code: 'kernel_unavailable' }),
      );
    }
  });

  it('give a kernel or a typed error for any damage to their headers', async () => {
    const library = await readFile(await compileLibrary(directory, smallKernelImage()));
    let state = 0x2545f491;
    const random = (below: number) => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return state % below;
    };
    for (let round = 0; round < 3000; round++) {
      const damaged = Buffer.from(library);
      for (let count = 1 + random(4); count > 0; count--) {
        const isInSections = random(2) === 0;
        const at = isInSections ? library.length - 1 - random(2000) : random(1200);
        damaged[at] = random(256);
      }
      try {
        buildFromLibkrunfw(damaged);
      } catch (thrown) {
        if (!BoxliteError.isInstance(thrown)) throw new Error(`round ${round}: ${String(thrown)}`, { cause: thrown });
      }
    }
  });

  it('are refused unread when too large, and when they are no regular file', async () => {
    const path = join(directory, 'large');
    await writeFile(path, '');
    await truncate(path, 129 * 1024 * 1024);
    expect(await failure(createLibkrunfwKernelSource({ home, libraryPath: path }).kernel())).toMatchObject({
      details: { field: 'size' },
    });
    expect(await failure(createLibkrunfwKernelSource({ home, libraryPath: directory }).kernel())).toMatchObject({
      details: { field: 'type' },
    });
  });
});

describe('a ready vmlinux (option kernelPath)', () => {
  it('is taken as it is when it has a PVH note, and refused when it has none', async () => {
    const libraryPath = await compileLibrary(directory, smallKernelImage());
    const wrapped = await createLibkrunfwKernelSource({ home, libraryPath }).kernel();
    const again = await createLibkrunfwKernelSource({ home, kernelPath: wrapped.path }).kernel();
    expect(again).toEqual({ ...wrapped, origin: 'option kernelPath' });
    const error = await failure(createLibkrunfwKernelSource({ home, kernelPath: libraryPath }).kernel());
    expect(error).toMatchObject({ code: 'kernel_unavailable', details: { field: 'pvh_note' } });
  });
});
