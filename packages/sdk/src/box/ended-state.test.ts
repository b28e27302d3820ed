import type { BoxStateRecord } from '@boxlite/core';
import { describe, expect, it } from 'vitest';
import { endedState } from './ended-state.js';

const RUNNING: BoxStateRecord = {
  status: 'running',
  vmm: { pid: 1, startTime: 2 },
  vmmId: 'qemu',
  exitCode: 3,
  errorReason: 'of an earlier life',
  updatedAt: 1,
};
const CRASH = { kind: 'Signal', signal: 9, message: 'killed by signal 9', stderrTail: '' } as const;

describe('the state after a VM has ended', () => {
  it('is stopped after a clean end, without its processes, with what else is known', () => {
    expect(endedState(RUNNING, { kind: 'Clean', reason: 'guest' }, 5)).toEqual({
      status: 'stopped',
      vmmId: 'qemu',
      exitCode: 3,
      updatedAt: 5,
    });
  });

  it('is failed with the reason after a crash', () => {
    expect(endedState(RUNNING, CRASH, 5)).toMatchObject({ status: 'failed', errorReason: 'killed by signal 9' });
  });

  it('of a paused box is stopped with the reason, the only end it may have', () => {
    expect(endedState({ ...RUNNING, status: 'paused' }, CRASH, 5)).toMatchObject({
      status: 'stopped',
      errorReason: 'killed by signal 9',
    });
  });
});
