import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BoxliteError } from '@boxlite/core';
import { findLibkrun, type TriedPlace } from '@boxlite/vmm-libkrun';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { compileLibkrun, compilerAbsence } from './support/compile-libkrun.js';

const absence = compilerAbsence();
const describeCompiled = describe.skipIf(absence !== '');

let root: string;
beforeEach(async () => {
  root = await realpath(await mkdtemp(join(tmpdir(), 'boxlite-libkrun-')));
});
afterEach(() => rm(root, { recursive: true, force: true }));

/** Nothing is found but what a test adds. */
const nowhere = { environment: {}, libraryDirectories: [], resolveFrom: [] };

async function failure(search: Promise<unknown>): Promise<BoxliteError> {
  const thrown = await search.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!BoxliteError.isInstance(thrown)) throw new Error(`no BoxliteError: ${String(thrown)}`);
  return thrown;
}

describeCompiled(`where libkrun is looked for${absence}`, () => {
  it('takes the option before BOXLITE_LIBKRUN, that before the system directories, and those before the npm package', async () => {
    const chosen = await compileLibkrun(join(root, 'chosen', 'libkrun.so.1'));
    const named = await compileLibkrun(join(root, 'named', 'libkrun.so.1'));
    const system = await compileLibkrun(join(root, 'lib64', 'libkrun.so.1'));
    const everything = {
      libraryPath: chosen,
      environment: { BOXLITE_LIBKRUN: named },
      libraryDirectories: [join(root, 'nothing'), join(root, 'lib64')],
    };
    expect(await findLibkrun(everything)).toMatchObject({ path: chosen, origin: 'option libraryPath' });
    const { libraryPath: _, ...withoutOption } = everything;
    expect(await findLibkrun(withoutOption)).toMatchObject({ path: named, origin: 'BOXLITE_LIBKRUN' });
    expect(await findLibkrun({ ...withoutOption, environment: {} })).toMatchObject({
      path: system,
      origin: 'system libkrun.so.1',
    });
    expect(await findLibkrun({ environment: {}, libraryDirectories: [] })).toMatchObject({
      origin: 'npm @earendil-works/gondolin-krun-runner-linux-x64@0.12.0',
      version: '1.17.4',
    });
  });

  it.each([
    ['option libraryPath', (path: string) => ({ libraryPath: path }), 'libraryPath'],
    ['BOXLITE_LIBKRUN', (path: string) => ({ environment: { BOXLITE_LIBKRUN: path } }), 'BOXLITE_LIBKRUN'],
  ])('does not look further when %s is no use', async (origin, options, field) => {
    await compileLibkrun(join(root, 'lib64', 'libkrun.so.1'));
    const path = join(root, 'absent.so');
    const error = await failure(findLibkrun({ libraryDirectories: [join(root, 'lib64')], ...options(path) }));
    expect(error).toMatchObject({
      code: 'vmm_unavailable',
      message: `${path} (${origin}) does not exist`,
      details: { field, path },
    });
  });

  it('refuses a relative path, which would depend on the working directory', async () => {
    expect(await failure(findLibkrun({ ...nowhere, libraryPath: 'libkrun.so.1' }))).toMatchObject({
      code: 'invalid_argument',
      details: { field: 'libraryPath' },
    });
    expect(await failure(findLibkrun({ ...nowhere, environment: { BOXLITE_LIBKRUN: './x' } }))).toMatchObject({
      code: 'config_error',
      details: { field: 'BOXLITE_LIBKRUN' },
    });
  });

  it('goes on after a file that is no use, and names every place with its reason when none is left', async () => {
    const directories = ['a', 'b', 'c'].map((name) => join(root, name));
    await compileLibkrun(join(root, 'a', 'libkrun.so.1'), { withoutContext: true });
    await mkdir(join(root, 'b'));
    await writeFile(join(root, 'b', 'libkrun.so.1'), '/* GNU ld script */'.padEnd(80));
    const error = await failure(findLibkrun({ ...nowhere, libraryDirectories: directories }));
    expect(error.code).toBe('vmm_unavailable');
    const places = error.details.places as readonly TriedPlace[];
    expect(places).toEqual([
      {
        place: `${root}/a/libkrun.so.1 (system libkrun.so.1)`,
        problem: 'is a library but not libkrun: it has no function krun_create_ctx',
      },
      { place: `${root}/b/libkrun.so.1 (system libkrun.so.1)`, problem: 'is not an ELF library' },
      { place: 'environment variable BOXLITE_LIBKRUN', problem: 'not set' },
      { place: `${root}/c`, problem: 'no libkrun' },
      { place: 'npm @earendil-works/gondolin-krun-runner-linux-x64@0.12.0', problem: 'not installed' },
    ]);
    for (const { place, problem } of places) expect(error.message).toContain(`${place}: ${problem}`);
    expect(error.hint).toContain('BOXLITE_LIBKRUN');

    const last = await compileLibkrun(join(root, 'c', 'libkrun.so.1'));
    // Looked for again, because nothing was found; found once, it stays.
    const found = await findLibkrun({ ...nowhere, libraryDirectories: directories });
    expect(found.path).toBe(last);
    expect(await findLibkrun({ ...nowhere, libraryDirectories: directories })).toBe(found);
  });
});

describeCompiled(`what is known of a library${absence}`, () => {
  it('reports functions, features, vCPUs and the version of the real file, and never makes a context', async () => {
    const real = await compileLibkrun(join(root, 'libkrun.so.1.18.2'), {
      functions: ['krun_add_virtiofs3', 'krun_add_disk2', 'krun_add_gpu'],
      hasFeature: 'return feature == 1 ? 1 : feature == 6 ? -22 : 0;',
      maxVcpus: 'return 24;',
    });
    const link = join(root, 'libkrun.so.1');
    await symlink('libkrun.so.1.18.2', link);
    const library = await findLibkrun({ ...nowhere, libraryPath: link });
    expect(library).toMatchObject({ path: real, version: '1.18.2', minimumVersion: '1.18.0', maxVcpus: 24 });
    expect([...library.symbols].sort()).toEqual([
      'krun_add_disk2',
      'krun_add_virtiofs3',
      'krun_create_ctx',
      'krun_get_max_vcpus',
      'krun_has_feature',
    ]);
    const names = ['net', 'blk', 'gpu', 'input', 'tee'] as const;
    expect(names.map((name) => library.hasFeature(name))).toEqual([false, true, false, false, undefined]);
  });

  it('says only what an old library shows: a least version, features proven by their functions, no vCPUs', async () => {
    const path = await compileLibkrun(join(root, 'libkrun.so.1'), { functions: ['krun_add_disk2'] });
    const library = await findLibkrun({ ...nowhere, libraryPath: path });
    expect(library).toMatchObject({ version: undefined, minimumVersion: '1.10.0', maxVcpus: undefined });
    expect(library.hasFeature('blk')).toBe(true);
    expect(library.hasFeature('net')).toBe(false);
    expect(library.hasFeature('gpu')).toBeUndefined();
  });

  it('takes an error of krun_get_max_vcpus (no KVM) as unknown', async () => {
    const path = await compileLibkrun(join(root, 'libkrun.so.1'), { maxVcpus: 'return -22;' });
    expect((await findLibkrun({ ...nowhere, libraryPath: path })).maxVcpus).toBeUndefined();
  });
});

describeCompiled(`a library that cannot be loaded${absence}`, () => {
  const crossAbsence = compilerAbsence('aarch64-linux-gnu-gcc');
  it.skipIf(crossAbsence !== '')(`is named with its architecture when that is another one${crossAbsence}`, async () => {
    const path = await compileLibkrun(join(root, 'libkrun.so.1'), { compiler: 'aarch64-linux-gnu-gcc' });
    expect((await failure(findLibkrun({ ...nowhere, libraryPath: path }))).message).toContain(
      'is built for arm64, and this Node.js for x86-64',
    );
  });

  it('is named with the library it needs, and the package that has it', async () => {
    await compileLibkrun(join(root, 'libcap-ng.so.77'), { flags: ['-Wl,-soname,libcap-ng.so.77'] });
    const path = await compileLibkrun(join(root, 'libkrun.so.1'), {
      flags: ['-Wl,--no-as-needed', join(root, 'libcap-ng.so.77')],
    });
    await rm(join(root, 'libcap-ng.so.77'));
    expect(await failure(findLibkrun({ ...nowhere, libraryPath: path }))).toMatchObject({
      message: expect.stringContaining('it needs libcap-ng.so.77, which is not there'),
      hint: expect.stringContaining('apt install libcap-ng0'),
    });
  });

  it("is refused in the loader's words when a function is missing in what it needs", async () => {
    const path = await compileLibkrun(join(root, 'libkrun.so.1'), {
      extra: 'int missing_function(void); int krun_x(void) { return missing_function(); }',
    });
    const error = await failure(findLibkrun({ ...nowhere, libraryPath: path }));
    expect(error.message).toContain('undefined symbol: missing_function');
  });

  it.each([
    ['a directory', (path: string) => mkdir(path), 'is not a regular file'],
    ['an empty file', (path: string) => writeFile(path, ''), 'is too short to be a library'],
    ['a text', (path: string) => writeFile(path, 'x'.repeat(100)), 'is not an ELF library'],
    ['a broken link', (path: string) => symlink('/nonexistent/libkrun.so.1', path), 'does not exist'],
    ['a link to itself', (path: string) => symlink(path, path), 'cannot be read (ELOOP)'],
  ])('is refused for what it is: %s', async (_, make, problem) => {
    const path = join(root, 'libkrun.so.1');
    await make(path);
    expect((await failure(findLibkrun({ ...nowhere, libraryPath: path }))).message).toContain(problem);
  });
});

describeCompiled(`the npm package${absence}`, () => {
  const name = '@earendil-works/gondolin-krun-runner-linux-x64';

  async function install(version: string, marker: string): Promise<void> {
    const directory = join(root, 'node_modules', name);
    await compileLibkrun(join(directory, 'lib', 'libkrun.so.1'), {
      extra: `#include <fcntl.h>
        __attribute__((constructor)) static void mark(void) { open("${marker}", O_CREAT | O_WRONLY, 0600); }`,
    });
    await writeFile(join(directory, 'package.json'), JSON.stringify({ name, version }));
  }

  it.each([
    ['another version', '0.13.0', 'is of package version 0.13.0, pinned is 0.12.0'],
    ['other contents', '0.12.0', 'pinned is d3184f89f29cfb99ecc0fa231fbdb3363e22d9efe061be6a69bc3ef687950244'],
  ])('is refused with %s, named, and never loaded', async (_, version, problem) => {
    const marker = join(root, 'constructor-ran');
    await install(version, marker);
    const error = await failure(findLibkrun({ ...nowhere, resolveFrom: [root] }));
    expect(error.message).toContain(`${root}/node_modules/${name}/lib/libkrun.so.1 (npm ${name}@0.12.0): `);
    expect(error.message).toContain(problem);
    expect(error.hint).toBe(`install ${name}@0.12.0 again`);
    expect(existsSync(marker)).toBe(false);
  });
});

describeCompiled(`the addon${absence}`, () => {
  it('is asked for with the way to get it when it is missing or is something else', async () => {
    const libraryPath = await compileLibkrun(join(root, 'libkrun.so.1'));
    const missing = join(root, 'krun.node');
    expect(await failure(findLibkrun({ ...nowhere, libraryPath, addonPath: missing }))).toMatchObject({
      code: 'vmm_unavailable',
      message: expect.stringContaining(`cannot be loaded from ${missing}: there is no such file`),
      hint: expect.stringContaining('npm run build'),
      details: { field: 'addonPath' },
    });
    await writeFile(missing, 'not a library');
    expect(await failure(findLibkrun({ ...nowhere, libraryPath, addonPath: missing }))).toMatchObject({
      code: 'vmm_unavailable',
      hint: expect.stringContaining('another system'),
    });
  });
});
