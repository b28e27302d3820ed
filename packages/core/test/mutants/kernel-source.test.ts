import { randomUUID } from 'node:crypto';
import { chmod, copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { BoxliteError, type GuestKernel, type KernelSource } from '@boxlite/core';
import { type KernelSourceSetup, kernelSourceConformance } from '@boxlite/core/testing';
import { afterAll, beforeAll } from 'vitest';
import { createHopelessKernelSource, createModelKernelSource, modelKernel } from '../models/model-kernel-source.js';
import { type Mutant, mutantTests } from './mutant-tests.js';

type Mutation = (right: KernelSourceSetup) => Partial<KernelSourceSetup>;

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'kernel-mutants-'));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

/** Changes what a source answers. */
const answering =
  (change: (kernel: GuestKernel, home: string) => Promise<GuestKernel> | GuestKernel): Mutation =>
  ({ create, home }) => ({
    create: () => {
      const right = create();
      return { ...right, kernel: async (signal) => change(await right.kernel(signal), home) };
    },
  });

const sources =
  (change: (right: KernelSource, home: string) => Partial<KernelSource>): Mutation =>
  ({ create, home }) => ({
    create: () => {
      const right = create();
      return { ...right, ...change(right, home) };
    },
  });

const mutants: Mutant<Mutation>[] = [
  {
    mistake: 'gives a boot image instead of an ELF file',
    killedBy: 'the kernel is a whole ELF',
    mutation: ({ home }) => ({ create: () => createModelKernelSource(home, Buffer.alloc(4096, 'MZ')) }),
  },
  {
    mistake: 'gives a kernel without the note',
    killedBy: 'the kernel is a whole ELF',
    mutation: ({ home }) => ({
      create: () =>
        createModelKernelSource(
          home,
          modelKernel().map((byte, at) => (at === 128 ? 1 : byte)),
        ),
    }),
  },
  {
    mistake: 'gives a file outside the home',
    killedBy: 'the kernel is a regular file in kernels/',
    mutation: answering(async (kernel, home) => {
      const path = join(dirname(home), randomUUID());
      await copyFile(kernel.path, path);
      return { ...kernel, path };
    }),
  },
  {
    mistake: 'does not know its version',
    killedBy: 'the kernel says its version',
    mutation: answering((kernel) => ({ ...kernel, version: 'unknown' })),
  },
  {
    mistake: 'tells the digest of something else',
    killedBy: 'the digest is that of the file',
    mutation: answering((kernel) => ({ ...kernel, digest: `sha256:${'0'.repeat(64)}` })),
  },
  {
    mistake: 'lets everybody write to the kernel',
    killedBy: 'only its owner',
    mutation: answering(async (kernel) => {
      await chmod(kernel.path, 0o666);
      return kernel;
    }),
  },
  {
    mistake: 'makes a kernel of its own for each caller',
    killedBy: 'calls at once',
    mutation: ({ home }) => ({
      create: () => createModelKernelSource(home, Buffer.concat([modelKernel(), Buffer.from(randomUUID())])),
    }),
  },
  {
    mistake: 'believes its memory, not the disk',
    killedBy: 'a kernel that somebody removed',
    mutation: sources((right) => {
      let kernel: Promise<GuestKernel> | undefined;
      return { kernel: () => (kernel ??= right.kernel()) };
    }),
  },
  {
    mistake: 'takes any file of the right name',
    killedBy: 'a kernel that somebody cut short',
    mutation: sources((right, home) => ({
      kernel: async (signal) => {
        const given = await createModelKernelSource(join(home, '..', `${randomUUID()}`)).kernel(signal);
        const path = given.path.replace(dirname(dirname(given.path)), home);
        const { access } = await import('node:fs/promises');
        return access(path).then(
          () => ({ ...given, path }),
          () => right.kernel(signal),
        );
      },
    })),
  },
  {
    mistake: 'leaves its staging files',
    killedBy: 'the home holds kernels/',
    mutation: answering(async (kernel, home) => {
      await writeFile(join(home, 'tmp', 'half-a-kernel'), '');
      return kernel;
    }),
  },
  {
    mistake: 'leaves a half-written kernel when it finds none',
    killedBy: 'a source that finds nothing leaves nothing',
    mutation: ({ home, createHopeless }) => ({
      createHopeless: () => ({
        ...createHopeless(),
        kernel: async () => {
          await mkdir(join(home, 'kernels'), { recursive: true });
          await writeFile(join(home, 'kernels', 'partial'), '');
          return createHopeless().kernel();
        },
      }),
    }),
  },
  {
    mistake: 'says only that there is none',
    killedBy: 'a source that finds nothing says where',
    mutation: () => ({
      createHopeless: () => ({
        id: 'terse',
        kernel: async () => {
          throw new BoxliteError('kernel_unavailable', 'no kernel');
        },
      }),
    }),
  },
  {
    mistake: 'ignores the signal',
    killedBy: 'a signal that has fired',
    mutation: sources((right) => ({ kernel: () => right.kernel() })),
  },
  {
    mistake: 'looks at the signal only at first',
    killedBy: 'a signal that fires meanwhile',
    mutation: sources((right) => ({ kernel: (signal) => right.kernel(signal?.aborted === true ? signal : undefined) })),
  },
  {
    mistake: 'gives everybody the abort of the first caller',
    killedBy: 'a signal that fires meanwhile',
    mutation: sources((right) => {
      let kernel: Promise<GuestKernel> | undefined;
      return { kernel: (signal) => (kernel ??= right.kernel(signal)) };
    }),
  },
];

const suite = (mutation?: Mutation) =>
  kernelSourceConformance(async () => {
    const home = join(directory, randomUUID());
    const right: KernelSourceSetup = {
      home,
      create: () => createModelKernelSource(home),
      createHopeless: createHopelessKernelSource,
    };
    return { ...right, ...mutation?.(right) };
  });

mutantTests<Mutation>('KernelSource', suite, mutants);
