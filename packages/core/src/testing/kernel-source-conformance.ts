import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdir, readFile, rm, stat, truncate } from 'node:fs/promises';
import { dirname, isAbsolute, join } from 'node:path';
import type { GuestKernel, KernelSource } from '../contracts/kernel-source.js';
import { errnoOf } from '../errors/to-boxlite-error.js';
import type { ConformanceCase } from './conformance-case.js';
import { defineCases, type RuledCases } from './define-cases.js';
import { elfNotes } from './kernel/elf-notes.js';
import { rejectsWith } from './rejects-with.js';

/** What one case of {@link kernelSourceConformance} works with. */
export interface KernelSourceSetup {
  /** An absolute path of the case's own, where nothing is yet. */
  readonly home: string;
  /** A source that finds a kernel and keeps it in the home; several play several processes. */
  create(): KernelSource;
  /** A source that looks where nothing is to be found. */
  createHopeless(): KernelSource;
}

/** XEN_ELFNOTE_PHYS32_ENTRY, by which a VMM finds the entry of a kernel (Xen, public/elfnote.h). */
const PVH_NOTE = 18;
/** Of an arm64 kernel image (Documentation/arm64/booting.rst of Linux). */
const ARM64_MAGIC = 'ARM\x64';
const ARM64_MAGIC_AT = 56;
const AT_ONCE = 4;

/**
 * What every {@link KernelSource} does.
 * @param setup called once a case; the caller cleans up afterwards
 */
export function kernelSourceConformance(setup: () => Promise<KernelSourceSetup>): ConformanceCase[] {
  return defineCases<KernelSourceSetup>(
    { contract: 'KernelSource', around: async (check) => check(await setup()) },
    cases,
  );
}

const cases: RuledCases<KernelSourceSetup> = {
  "A kernel every VMM here can boot: an ELF with a PVH note, in the home's `kernels/`": {
    'the kernel is a whole ELF file with a PVH note, for arm64 the Image of its boot protocol': async ({ create }) => {
      const bytes = await readFile((await create().kernel()).path);
      if (bytes.toString('latin1', ARM64_MAGIC_AT, ARM64_MAGIC_AT + ARM64_MAGIC.length) === ARM64_MAGIC) return;
      const notes = elfNotes(bytes);
      assert.ok(
        notes.some(({ name, type }) => name === 'Xen' && type === PVH_NOTE),
        `its notes are ${JSON.stringify(notes)}`,
      );
    },
    'the kernel is a regular file in kernels/ of the home': async ({ create, home }) => {
      const { path } = await create().kernel();
      assert.ok(isAbsolute(path), `${path} is not absolute`);
      assert.equal(dirname(path), join(home, 'kernels'));
      assert.ok((await stat(path)).isFile(), `${path} is no regular file`);
    },
  },
  '`uname -r` as found in the image, for people': {
    'the kernel says its version and where it came from': async ({ create }) => {
      const { version, origin } = await create().kernel();
      assert.match(version, /^\d+\.\d+/);
      assert.notEqual(origin, '');
    },
  },
  'Finds a kernel and puts it in the home, under its digest, for its owner alone': {
    'the digest is that of the file, and its name': async ({ create }) => {
      const kernel = await create().kernel();
      assert.equal(await digestOf(kernel), kernel.digest);
      assert.equal(`sha256:${kernel.path.slice(dirname(kernel.path).length + 1)}`, kernel.digest);
    },
    'only its owner can read or write the kernel, whatever the umask': async ({ create }) => {
      const umask = process.umask(0);
      try {
        assert.equal((await stat((await create().kernel()).path)).mode & 0o077, 0);
      } finally {
        process.umask(umask);
      }
    },
  },
  'Called again, or by several at once, `kernel` gives the same; one that is missing or damaged by then is made anew': {
    'calls at once, of one source and of several, give the same kernel, and so does a later one': async ({
      create,
    }) => {
      const [one, other] = [create(), create()];
      const kernels = await Promise.all(
        Array.from({ length: AT_ONCE }, (_, index) => (index % 2 ? one : other).kernel()),
      );
      for (const kernel of [...kernels, await one.kernel(), await create().kernel()])
        assert.deepEqual(kernel, kernels[0]);
      assert.equal(kernels[0] && (await digestOf(kernels[0])), kernels[0]?.digest);
    },
    'a kernel that somebody removed is there again': async ({ create }) => {
      const source = create();
      const kernel = await source.kernel();
      await rm(kernel.path);
      assert.deepEqual(await source.kernel(), kernel);
      assert.equal(await digestOf(kernel), kernel.digest);
    },
    'a kernel that somebody cut short is whole again, for another process too': async ({ create }) => {
      const kernel = await create().kernel();
      await truncate(kernel.path, 1000);
      assert.deepEqual(await create().kernel(), kernel);
      assert.equal(await digestOf(kernel), kernel.digest);
    },
  },
  'Nothing but kernels (and what the source keeps about them beside them) is left': {
    'the home holds kernels/ and at most an empty tmp/': async ({ create, home }) => {
      await create().kernel();
      const names = (await readdir(home)).filter((name) => name !== 'kernels');
      assert.ok(
        names.every((name) => name === 'tmp'),
        `the home holds ${names.join(', ')}`,
      );
      assert.deepEqual(await namesIn(join(home, 'tmp')), []);
    },
    'a source that finds nothing leaves nothing': async ({ createHopeless, home }) => {
      await rejectsWith(createHopeless().kernel(), 'kernel_unavailable');
      assert.deepEqual(await namesIn(join(home, 'kernels')), []);
      assert.deepEqual(await namesIn(join(home, 'tmp')), []);
    },
  },
  '`kernel_unavailable` with every place looked at': {
    'a source that finds nothing says where it looked and what to do': async ({ createHopeless }) => {
      const error = await rejectsWith(createHopeless().kernel(), 'kernel_unavailable');
      assert.match(error.message, /\n|\//, 'the places are part of the message');
      assert.ok(error.hint !== undefined && error.hint !== '', 'the hint says what to do');
    },
  },
  'A signal that fires makes it throw `aborted`': {
    'a signal that has fired': async ({ create, home }) => {
      await rejectsWith(create().kernel(AbortSignal.abort()), 'aborted');
      assert.deepEqual(await namesIn(join(home, 'kernels')), []);
    },
    'a signal that fires meanwhile, and the next call finds the kernel all the same': async ({ create }) => {
      const source = create();
      const controller = new AbortController();
      const finding = source.kernel(controller.signal);
      controller.abort();
      await rejectsWith(finding, 'aborted');
      const kernel = await source.kernel();
      assert.equal(await digestOf(kernel), kernel.digest);
    },
  },
};

async function digestOf({ path }: GuestKernel): Promise<string> {
  return `sha256:${createHash('sha256')
    .update(await readFile(path))
    .digest('hex')}`;
}

async function namesIn(directory: string): Promise<readonly string[]> {
  try {
    return await readdir(directory);
  } catch (thrown) {
    // Not made, so nothing is in it.
    if (errnoOf(thrown) === 'ENOENT') return [];
    throw thrown;
  }
}
