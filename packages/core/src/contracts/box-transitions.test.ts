import { describe, expect, it } from 'vitest';
import { canRemove, canStart, canTransition, isActive } from './box-transitions.js';
import type { BoxStatus } from './state-store.js';

const ALL: readonly BoxStatus[] = ['unknown', 'configured', 'running', 'stopping', 'stopped', 'paused', 'failed'];

describe('the state machine of a box', () => {
  it('lets a box run only from configured, stopped, paused, failed or unknown', () => {
    expect(ALL.filter((status) => canTransition(status, 'running'))).toEqual([
      'unknown',
      'configured',
      'running',
      'stopped',
      'paused',
      'failed',
    ]);
  });

  it('never goes back to configured', () => {
    expect(ALL.filter((status) => status !== 'configured' && canTransition(status, 'configured'))).toEqual(['unknown']);
  });

  it('says what may be started, removed, and counts as active', () => {
    expect(ALL.filter(canStart)).toEqual(['configured', 'stopped', 'failed']);
    expect(ALL.filter(canRemove)).toEqual(['unknown', 'configured', 'stopped', 'failed']);
    expect(ALL.filter(isActive)).toEqual(['running', 'paused']);
  });
});
