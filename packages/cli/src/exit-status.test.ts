import { BoxliteError } from '@boxlite/core';
import { describe, expect, it } from 'vitest';
import { exitStatusOf, usageStatusOf } from './exit-status.js';

describe('the exit status of a failure', () => {
  it.each([
    ['command_not_found', 127],
    ['command_not_executable', 126],
    ['cwd_not_found', 126],
    ['user_not_found', 126],
    ['image_not_found', 125],
    ['vmm_failed', 125],
  ] as const)('of run and exec is what Docker has: %s is %i', (code, status) => {
    expect(exitStatusOf(new BoxliteError(code, 'x'), true)).toBe(status);
  });

  it('of every other command is 1', () => {
    expect(exitStatusOf(new BoxliteError('command_not_found', 'x'), false)).toBe(1);
    expect(exitStatusOf(new Error('x'), true)).toBe(125);
  });

  it('to understand the options is 125 of run and exec, as Docker has it, and 2 of every other command', () => {
    expect(usageStatusOf(['run', '--no-such-option'])).toBe(125);
    expect(usageStatusOf(['--home', '/h', 'exec', 'box'])).toBe(125);
    for (const argv of [['ls', '-x'], ['--home', 'run', 'ls', '-x'], []]) expect(usageStatusOf(argv)).toBe(2);
  });
});
