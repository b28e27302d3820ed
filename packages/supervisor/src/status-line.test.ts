import { describe, expect, it } from 'vitest';
import { launchFailure, parseStatusLine } from './status-line.js';

const failed = { event: 'failed', step: 'exec', errno: 2, message: 'cannot execute: /vmm', stderr: '' } as const;

describe('the status of a launch', () => {
  it('is started or failed; a torn line is neither', () => {
    expect(parseStatusLine('{"event":"started","vmm":{}}\n')).toEqual({ event: 'started' });
    expect(parseStatusLine(JSON.stringify(failed))).toEqual(failed);
    expect(parseStatusLine('{"event":"failed","step":"ex')).toBeUndefined();
    expect(parseStatusLine('{"event":"other"}')).toBeUndefined();
    expect(parseStatusLine('')).toBeUndefined();
  });

  it('names box, step, errno, what stderr said last, and what to do', () => {
    const error = launchFailure('b1', {
      ...failed,
      step: 'sandbox',
      errno: 0,
      stderr: 'one\nbwrap: no\u0007 namespaces\n',
    });
    expect(error).toMatchObject({
      code: 'vmm_failed',
      message: 'box b1 could not be started: step "sandbox" failed: cannot execute: /vmm: bwrap: no\\x07 namespaces',
      hint: expect.any(String),
      details: { boxId: 'b1', step: 'sandbox', errno: 0, stderrTail: 'one\nbwrap: no\\x07 namespaces\n' },
    });
    expect(launchFailure('b1', failed).details.errnoName).toBe('ENOENT');
  });

  it("tells the command's failures from the supervisor's own", () => {
    expect(launchFailure('b1', { ...failed, step: 'rlimits' }).code).toBe('vmm_failed');
    expect(launchFailure('b1', { ...failed, step: 'api-socket' }).code).toBe('supervisor_failed');
    expect(launchFailure('b1', { ...failed, step: 'aborted' }).code).toBe('aborted');
  });
});
