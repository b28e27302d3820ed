import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Runs an action with a directory of its own, which is removed after it. */
export async function withScratch(action) {
  const directory = await mkdtemp(join(tmpdir(), 'boxlite-bench-'));
  try {
    return await action(directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
