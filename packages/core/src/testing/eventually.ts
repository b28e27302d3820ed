import assert from 'node:assert/strict';
import { SLOWNESS } from './slowness.js';

/** Ends of processes and sockets are seen by this process a little after they happened, in milliseconds. */
const SETTLE_MS = 2_000 * SLOWNESS;
const LOOK_EVERY_MS = 10;

/** Asserts that a list becomes empty: for what no event tells of, such as the descriptors of a process. */
export async function eventuallyNone(look: () => readonly unknown[], what: string): Promise<void> {
  const end = performance.now() + SETTLE_MS;
  let left = look();
  while (left.length > 0 && performance.now() < end) {
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
    left = look();
  }
  assert.ok(
    left.length === 0,
    `${what}: ${left.map((one) => (typeof one === 'string' ? one : JSON.stringify(one))).join(', ')}`,
  );
}
