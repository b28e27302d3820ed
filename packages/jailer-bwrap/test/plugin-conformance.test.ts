import { pluginConformance, runConformance } from '@boxlite/core/testing';
import { describe, it } from 'vitest';
import { bwrapSandboxPlugin } from '../src/index.js';

describe('bubblewrap as a plugin', () => {
  const suite = pluginConformance({
    createPlugin: () => bwrapSandboxPlugin(),
    createUnavailable: () => bwrapSandboxPlugin({ searchPath: '/nonexistent' }),
    context: undefined,
    members: ['name', 'isAvailable', 'setup', 'apply'],
  });
  runConformance(suite, it);
});
