import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { kernelSourceConformance, runConformance } from '@boxlite/core/testing';
import { createLibkrunfwKernelSource } from '@boxlite/guest-kernel';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { compileLibrary, smallKernelImage } from './support/small-library.js';

const nowhere = { environment: {}, libraryDirectories: [], resolveFrom: [] };
let directory: string;
let libraryPath: string;
let homes = 0;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'kernel-conformance-'));
  libraryPath = await compileLibrary(directory, smallKernelImage());
});
afterAll(() => rm(directory, { recursive: true, force: true }));

describe('the kernel source over libkrunfw', () => {
  const suite = kernelSourceConformance(async () => {
    homes += 1;
    const home = join(directory, `home-${homes}`);
    return {
      home,
      create: () => createLibkrunfwKernelSource({ home, libraryPath }),
      createHopeless: () => createLibkrunfwKernelSource({ home, ...nowhere }),
    };
  });
  runConformance(suite, it);
});
