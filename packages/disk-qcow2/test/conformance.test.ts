import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { diskStoreConformance, runConformance } from '@boxlite/core/testing';
import { afterAll, describe, it } from 'vitest';
import { createQcow2DiskStore } from '../src/index.js';

const directories: string[] = [];

async function temporaryDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'qcow2-conformance-'));
  directories.push(directory);
  return directory;
}

afterAll(() => Promise.all(directories.map((directory) => rm(directory, { recursive: true, force: true }))));

describe('the qcow2 disk store conforms', () => {
  const cases = diskStoreConformance(async () => ({
    store: createQcow2DiskStore(),
    directory: await temporaryDirectory(),
  }));
  runConformance(cases, it);
});

describe('the qcow2 disk store with a staging directory conforms', () => {
  const cases = diskStoreConformance(async () => ({
    store: createQcow2DiskStore({ stagingDirectory: await temporaryDirectory() }),
    directory: await temporaryDirectory(),
  }));
  runConformance(cases, it);
});
