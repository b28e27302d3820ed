import { join } from 'node:path';
import { runConformance, stateStoreConformance } from '@boxlite/core/testing';
import { describe, it } from 'vitest';
import { openStateStore } from '../src/index.js';
import { temporaryDirectory } from './temporary-directory.js';

describe('the state store', () => {
  const suite = stateStoreConformance(async () => {
    const file = join(await temporaryDirectory(), 'db', 'boxlite.db');
    const gone = new Set<number>();
    return {
      open: (process, bootId = 'boot-1') =>
        openStateStore({
          file,
          bootId,
          self: { pid: process, startTime: process * 100 },
          isAlive: ({ pid, startTime }) => startTime === pid * 100 && !gone.has(pid),
        }),
      end: (process) => void gone.add(process),
    };
  });
  runConformance(suite, it);
});
