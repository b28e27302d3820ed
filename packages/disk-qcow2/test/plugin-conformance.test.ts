import { pluginConformance, runConformance } from '@boxlite/core/testing';
import { describe, it } from 'vitest';
import { qcow2DiskStorePlugin } from '../src/index.js';

describe('qcow2 disks as a plugin', () => {
  const suite = pluginConformance({
    createPlugin: () => qcow2DiskStorePlugin(),
    context: undefined,
    members: ['id', 'createChild', 'chain', 'backingPath'],
  });
  runConformance(suite, it);
});
