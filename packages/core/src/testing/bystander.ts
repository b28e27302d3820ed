import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { ProcessIdentity } from '../ids/process-identity.js';
import { identityOf } from './processes.js';

/** A process that has nothing to do with what is tested. */
export interface Bystander extends ProcessIdentity {
  /** Asserts that it lives and still answers; a signal that is on its way is seen. */
  assertUnharmed(): Promise<void>;
}

/** Runs a check beside a bystander. */
export async function withBystander(check: (bystander: Bystander) => Promise<void>): Promise<void> {
  const child = spawn('cat', [], { stdio: ['pipe', 'pipe', 'ignore'] });
  const ended = once(child, 'exit');
  // Writing to one that was killed is how its end shows; `ended` tells.
  child.stdin.on('error', () => undefined);
  try {
    const identity = identityOf(child.pid ?? 0);
    assert.ok(identity !== undefined, 'cat could not be started');
    const assertUnharmed = async () => {
      child.stdin.write('there?');
      const answer = await Promise.race([once(child.stdout, 'data'), ended.then(() => undefined)]);
      assert.ok(answer !== undefined, `the innocent process ${identity.pid} was signalled`);
    };
    await check({ ...identity, assertUnharmed });
  } finally {
    child.stdin.end();
    child.stdout.resume();
    await ended;
  }
}
