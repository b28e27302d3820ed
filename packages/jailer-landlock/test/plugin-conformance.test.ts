import { pluginConformance, runConformance } from '@boxlite/core/testing';
import { describe, it } from 'vitest';
import { landlockSandboxPlugin } from '../src/index.js';

describe('Landlock as a plugin', () => {
  const suite = pluginConformance({
    createPlugin: () => landlockSandboxPlugin(),
    createUnavailable: () => landlockSandboxPlugin({ helperPath: '/nonexistent' }),
    context: undefined,
    members: ['name', 'isAvailable', 'setup', 'apply'],
  });
  runConformance(suite, it);
});
