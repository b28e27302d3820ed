import { pluginConformance, runConformance } from '@boxlite/core/testing';
import { qemuVmmPlugin } from '@boxlite/vmm-qemu';
import { describe, it } from 'vitest';
import { hardware } from '../../../test/support/vm-parts.js';

describe('QEMU as a plugin', () => {
  const suite = pluginConformance({
    createPlugin: () => qemuVmmPlugin({ hardware }),
    createUnavailable: () => qemuVmmPlugin({ hardware, searchPath: '/nonexistent' }),
    context: undefined,
    members: ['id', 'check', 'requirements', 'command', 'memoryOverheadMib', 'start', 'attach'],
  });
  runConformance(suite, it);
});
