import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A home of its own for one test file. Its boxes must be gone before it is removed. */
export async function temporaryHome(): Promise<{ readonly home: string; remove(): Promise<void> }> {
  const home = await mkdtemp(join(tmpdir(), 'boxlite-e2e-'));
  return { home, remove: () => rm(home, { recursive: true, force: true }) };
}
