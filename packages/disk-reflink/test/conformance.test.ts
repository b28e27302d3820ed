import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { diskStoreConformance, pluginConformance, runConformance } from '@boxlite/core/testing';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { createReflinkDiskStore, reflinkDiskStorePlugin } from '../src/index.js';
import { CLONING_FILE_SYSTEMS, type LoopFileSystem, mountLoopFileSystem, whyNotMountable } from './loop-file-system.js';

for (const type of CLONING_FILE_SYSTEMS) {
  const reason = whyNotMountable(type);
  describe.skipIf(reason !== undefined)(
    `the reflink disk store on ${type} conforms${reason ? ` (${reason})` : ''}`,
    () => {
      let mounted: LoopFileSystem;
      beforeAll(() => {
        mounted = mountLoopFileSystem(type);
      });
      afterAll(() => mounted.unmount());
      const newDirectory = () => mkdtemp(join(mounted.directory, 'case-'));

      describe('with disks of its own directory', () => {
        const cases = diskStoreConformance(async () => ({
          store: createReflinkDiskStore(),
          directory: await newDirectory(),
        }));
        runConformance(cases, it);
      });

      describe('with a staging directory', () => {
        const cases = diskStoreConformance(async () => ({
          store: createReflinkDiskStore({ stagingDirectory: await newDirectory() }),
          directory: await newDirectory(),
        }));
        runConformance(cases, it);
      });

      describe('as a plugin', () => {
        const suite = pluginConformance({
          createPlugin: () => reflinkDiskStorePlugin({ directory: mounted?.directory ?? '/nonexistent' }),
          context: undefined,
          members: ['id', 'createChild', 'chain', 'backingPath'],
        });
        runConformance(suite, it);
      });
    },
  );
}
