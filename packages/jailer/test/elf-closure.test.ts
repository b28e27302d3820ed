import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { copyFile, mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cachedElfClosure, elfClosure, LOADER_CACHE } from '../src/index.js';

const QEMU = '/usr/bin/qemu-system-x86_64';
const QEMU_MODULES = '/usr/lib/x86_64-linux-gnu/qemu';
let work: string;

beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'boxlite-elf-'));
});
afterAll(() => rm(work, { recursive: true, force: true }));

/** What the real loader says, without the virtual library of the kernel. */
function ldd(file: string): string[] {
  const text = execFileSync('ldd', [file], { encoding: 'utf8' });
  return text.split('\n').flatMap((line) => /(?:=> |^\s+)(\/\S+) \(0x/.exec(line)?.[1] ?? []);
}

const pathsOf = async (binary: string, extra: string[] = []) =>
  (await elfClosure(binary, extra)).map(({ path }) => path);

/** A library or program of its own directory, compiled here. */
function compile(name: string, source: string, ...flags: string[]): string {
  execFileSync('gcc', ['-x', 'c', '-', '-o', join(work, name), ...flags], { input: source });
  return join(work, name);
}

describe('the ELF closure', () => {
  it('holds exactly what ldd names, the program and the loader cache, for QEMU', async () => {
    expect(await pathsOf(QEMU)).toEqual([...new Set([...ldd(QEMU), QEMU, LOADER_CACHE])].sort());
  });

  it('holds exactly what ldd names for node and for a shell', async () => {
    for (const binary of [process.execPath, '/bin/sh']) {
      expect(await pathsOf(binary)).toEqual([...new Set([...ldd(binary), binary, LOADER_CACHE])].sort());
    }
  });

  it('adds modules the program opens later, with their own libraries', async () => {
    const modules = (await readdir(QEMU_MODULES)).filter((name) => name.endsWith('.so'));
    const extra = modules.map((name) => join(QEMU_MODULES, name));
    const expected = new Set([QEMU, LOADER_CACHE, ...extra, ...[QEMU, ...extra].flatMap(ldd)]);
    expect(await pathsOf(QEMU, extra)).toEqual([...expected].sort());
  });

  it('accepts an extra library by its name alone', async () => {
    expect(await pathsOf('/bin/sh', ['libm.so.6'])).toContain('/lib/x86_64-linux-gnu/libm.so.6');
  });

  it('is the file alone for a static program', async () => {
    expect(await pathsOf('/bin/busybox')).toEqual(['/bin/busybox']);
  });

  it('follows $ORIGIN in a run path and in an rpath, also through a library', async () => {
    compile('libinner.so', 'int inner(void) { return 1; }', '-shared', '-fPIC');
    const link = [`-L${work}`, '-Wl,--no-as-needed'];
    compile('libouter.so', 'int outer(void) { return 1; }', '-shared', '-fPIC', ...link, '-linner');
    for (const tags of ['--enable-new-dtags', '--disable-new-dtags']) {
      const origin = ['-Wl,-rpath,$ORIGIN', `-Wl,${tags}`];
      compile('libouter.so', 'int outer(void) { return 1; }', '-shared', '-fPIC', ...link, '-linner', ...origin);
      const program = compile('program', 'int main(void) { return 0; }', ...link, '-louter', '-linner', ...origin);
      expect(await pathsOf(program)).toEqual([...new Set([...ldd(program), program, LOADER_CACHE])].sort());
      expect(await pathsOf(program)).toContain(join(work, 'libinner.so'));
    }
  });

  it('names the missing library and who needs it', async () => {
    compile('libgone.so', 'int gone(void) { return 1; }', '-shared', '-fPIC');
    const program = compile('lonely', 'int main(void) { return 0; }', `-L${work}`, '-Wl,--no-as-needed', '-lgone');
    await rm(join(work, 'libgone.so'));
    await expect(elfClosure(program)).rejects.toMatchObject({
      code: 'not_found',
      message: expect.stringContaining('libgone.so'),
      details: { path: program, library: 'libgone.so' },
    });
  });

  it('refuses what is no ELF file, and what is not there', async () => {
    const text = join(work, 'text');
    await writeFile(text, '#!/bin/sh\n');
    await expect(elfClosure(text)).rejects.toMatchObject({ code: 'invalid_argument', details: { field: 'binary' } });
    await expect(elfClosure(join(work, 'none'))).rejects.toMatchObject({ code: 'not_found' });
    await expect(elfClosure('relative')).rejects.toMatchObject({ code: 'invalid_argument' });
  });

  it('never fails in any other way on damaged files, whichever byte is wrong', async () => {
    const good = await readFile('/bin/true');
    let seed = 1;
    const random = (below: number) => {
      seed = (seed * 1103515245 + 12345) % 2147483648;
      return seed % below;
    };
    const damaged = join(work, 'damaged');
    for (let round = 0; round < 300; round++) {
      const bytes = Buffer.from(good);
      for (let change = 0; change < 8; change++) {
        // Half of the damage goes to the header and program headers, where it matters.
        bytes[random(change % 2 === 0 ? 0x400 : bytes.length)] = random(256);
      }
      await writeFile(damaged, round % 10 === 0 ? bytes.subarray(0, random(bytes.length)) : bytes);
      await elfClosure(damaged).catch((thrown: { code?: string }) => {
        expect(['invalid_argument', 'not_found'], `round ${round}: ${String(thrown)}`).toContain(thrown.code);
      });
    }
  });
});

describe('the saved closure', () => {
  it('is used while no member changed, and worked out again when one did', async () => {
    const program = join(work, 'copied');
    await copyFile('/bin/true', program);
    const cacheFile = join(work, 'closure.json');
    const first = await cachedElfClosure(program, { cacheFile });
    const saved = JSON.parse(await readFile(cacheFile, 'utf8')) as { files: { path: string }[] };
    expect(saved.files.map(({ path }) => path)).toEqual(first.map(({ path }) => path));

    // A mark in the saved file shows whether it was used.
    saved.files.push(saved.files[0] as { path: string });
    await writeFile(cacheFile, JSON.stringify(saved));
    expect(await cachedElfClosure(program, { cacheFile })).toHaveLength(first.length + 1);

    await utimes(program, 1, 1);
    expect(await cachedElfClosure(program, { cacheFile })).toEqual(first);
  });

  it('does not serve another program or other extra libraries', async () => {
    const cacheFile = join(work, 'other.json');
    await cachedElfClosure('/bin/true', { cacheFile });
    const shell = await cachedElfClosure('/bin/sh', { cacheFile, extraLibraries: ['libm.so.6'] });
    expect(shell).toEqual(await elfClosure('/bin/sh', ['libm.so.6']));
  });

  it('is replaced when damaged, and leaves no staged file', async () => {
    const directory = await mkdtemp(join(work, 'cache-'));
    const cacheFile = join(directory, 'closure.json');
    for (const damage of ['', '{', '{"version":1}', 'null', '{"version":1,"roots":[],"files":[null]}']) {
      await writeFile(cacheFile, damage);
      expect(await cachedElfClosure('/bin/true', { cacheFile })).toEqual(await elfClosure('/bin/true'));
    }
    expect(await readdir(directory)).toEqual(['closure.json']);
  });

  it('tells when it cannot be kept', async () => {
    await expect(cachedElfClosure('/bin/true', { cacheFile: join(work, 'no', 'such', 'file') })).rejects.toMatchObject({
      code: 'storage_error',
    });
    expect(existsSync(join(work, 'no'))).toBe(false);
  });
});
