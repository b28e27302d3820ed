import type { Sandbox } from '@boxlite/core';
import type { ResolvedBoxOptions } from '../options/box-options.js';

/** What the first start of a process waits for, one after the other, unless it was begun before. */
export interface LookedFor {
  /** Loads the agent's client, which takes as long as the guest takes to say hello. */
  agent(): Promise<unknown>;
  /** Chooses the sandbox of a box, which is tried in a process of its own. */
  sandbox(options: ResolvedBoxOptions): Promise<Pick<Sandbox, 'isAvailable'>>;
}

/**
 * Begins with both at the first call, so that they run while the start waits for something else. Whoever needs them asks again: what comes of it is kept where it was looked for, and
 * so is an error told.
 */
export function lookAhead({ agent, sandbox }: LookedFor): (options: ResolvedBoxOptions) => void {
  let hasLooked = false;
  return (options) => {
    if (hasLooked) return;
    hasLooked = true;
    const { jailer, jailerEnabled } = options.security;
    const isJailed = jailer !== 'off' && jailerEnabled !== false;
    const tried = isJailed ? sandbox(options).then((chosen) => chosen.isAvailable()) : undefined;
    // Whoever needs them is told why.
    void Promise.allSettled([agent(), tried]);
  };
}
