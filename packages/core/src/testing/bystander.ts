import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { ProcessIdentity } from '../ids/process-identity.js';
import { identityOf } from './processes.js';

/** Runs a check beside a process that has nothing to do with it and must survive. */
export async function withBystander(check: (bystander: ProcessIdentity) => Promise<void>): Promise<void> {
  const child = spawn(process.execPath, ['-e', 'process.stdin.resume()'], { stdio: ['pipe', 'ignore', 'ignore'] });
  const ended = once(child, 'exit');
  try {
    const bystander = identityOf(child.pid ?? 0);
    assert.ok(bystander !== undefined, 'a process could not be started');
    await check(bystander);
  } finally {
    child.stdin.destroy();
    await ended;
  }
}
