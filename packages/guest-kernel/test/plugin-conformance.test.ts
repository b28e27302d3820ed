import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pluginConformance, runConformance } from '@boxlite/core/testing';
import { libkrunfwKernelPlugin } from '@boxlite/guest-kernel';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { compileLibrary, smallKernelImage } from './support/small-library.js';

let directory: string;
let libraryPath: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'kernel-plugin-'));
  libraryPath = await compileLibrary(directory, smallKernelImage());
});
afterAll(() => rm(directory, { recursive: true, force: true }));

describe('libkrunfw as a plugin', () => {
  const suite = pluginConformance({
    createPlugin: () => libkrunfwKernelPlugin({ home: join(directory, 'home'), libraryPath }),
    createUnavailable: () =>
      libkrunfwKernelPlugin({
        home: join(directory, 'home'),
        environment: {},
        libraryDirectories: [],
        resolveFrom: [],
      }),
    context: undefined,
    members: ['id', 'kernel'],
  });
  runConformance(suite, it);
});
