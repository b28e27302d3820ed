import { describe, expect, it } from 'vitest';
import { withDefaultSecurity } from './default-security.js';

describe('the security options of a runtime', () => {
  it('are those of boxes that say nothing of them, member by member', () => {
    expect(withDefaultSecurity({ maxMemory: 5 }, { maxMemory: 9, maxSwap: 1 })).toEqual({ maxMemory: 5, maxSwap: 1 });
    expect(withDefaultSecurity({ maxMemory: undefined }, { maxMemory: 9 })).toEqual({ maxMemory: 9 });
    expect(withDefaultSecurity({}, { jailer: 'best-effort' })).toEqual({ jailer: 'best-effort' });
  });

  it('give way to either spelling of a mode, and so never contradict it', () => {
    expect(withDefaultSecurity({ jailerEnabled: false }, { jailer: 'required' })).toEqual({ jailerEnabled: false });
    expect(withDefaultSecurity({ jailer: 'required' }, { jailerEnabled: false })).toEqual({ jailer: 'required' });
    expect(withDefaultSecurity({ seccomp: 'off' }, { seccompEnabled: true, maxSwap: 1 })).toEqual({
      seccomp: 'off',
      maxSwap: 1,
    });
  });
});
