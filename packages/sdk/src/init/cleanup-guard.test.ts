import { describe, expect, it } from 'vitest';
import { CleanupGuard, type GuardReport, NO_CAUSE_CAPTURED } from './cleanup-guard.js';

function reporter(overrides: Partial<GuardReport> = {}) {
  const events: string[] = [];
  const report: GuardReport = {
    async markFailed(reason) {
      events.push(`failed: ${reason}`);
    },
    countFailure: () => void events.push('counted'),
    log: (message, cause) => void events.push(`${message}: ${(cause as Error).message}`),
    ...overrides,
  };
  return { events, guard: new CleanupGuard(report) };
}

describe('the cleanup guard', () => {
  it('undoes in reverse order, marks the record with the text of the original error, and counts the failure', async () => {
    const { events, guard } = reporter();
    guard.onFailure('unmount', async () => void events.push('unmounted'));
    guard.onFailure('stop the VM', async () => void events.push('stopped'));
    await guard.trip(new Error('no kernel'));
    expect(events).toEqual(['stopped', 'unmounted', 'failed: no kernel', 'counted']);
  });

  it('says "no cause captured" when the error has no text', async () => {
    const { events, guard } = reporter();
    await guard.trip(undefined);
    expect(events[0]).toBe(`failed: ${NO_CAUSE_CAPTURED}`);
    expect(NO_CAUSE_CAPTURED).toBe('box initialization failed (no cause captured)');
  });

  it('logs failures of its own steps and goes on with the rest', async () => {
    const { events, guard } = reporter();
    guard.onFailure('unmount', async () => void events.push('unmounted'));
    guard.onFailure('stop the VM', async () => {
      throw new Error('busy');
    });
    await guard.trip(new Error('no kernel'));
    expect(events).toEqual([
      'cleanup after a failed start: stop the VM failed: busy',
      'unmounted',
      'failed: no kernel',
      'counted',
    ]);
  });

  it('tolerates that the record cannot be marked', async () => {
    const { events, guard } = reporter({
      async markFailed() {
        throw new Error('database is gone');
      },
    });
    await guard.trip(new Error('no kernel'));
    expect(events).toEqual([
      'cleanup after a failed start: mark the box as failed failed: database is gone',
      'counted',
    ]);
  });

  it('does nothing once disarmed, and trips only once', async () => {
    const disarmed = reporter();
    disarmed.guard.onFailure('stop the VM', async () => void disarmed.events.push('stopped'));
    disarmed.guard.disarm();
    await disarmed.guard.trip(new Error('late'));
    expect(disarmed.events).toEqual([]);

    const tripped = reporter();
    await tripped.guard.trip(new Error('first'));
    await tripped.guard.trip(new Error('second'));
    expect(tripped.events).toEqual(['failed: first', 'counted']);
  });
});
