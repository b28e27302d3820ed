import assert from 'node:assert/strict';
import { lstat, readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { SuperviseRequest } from '../contracts/supervisor.js';
import { errnoOf } from '../errors/to-boxlite-error.js';
import type { ProcessIdentity } from '../ids/process-identity.js';
import { exists } from './exists.js';
import { descendantsOf } from './processes.js';

/** What is there before a start. */
export interface Surroundings {
  readonly processes: readonly ProcessIdentity[];
}

export function surroundings(): Surroundings {
  return { processes: descendantsOf([process.pid]) };
}

/** Children of this process, and theirs, that were not there before. */
export function newProcesses(before: Surroundings): readonly ProcessIdentity[] {
  return descendantsOf([process.pid]).filter(
    ({ pid, startTime }) => !before.processes.some((known) => known.pid === pid && known.startTime === startTime),
  );
}

/** Asserts that neither the sockets of a box nor the record of its processes are left. */
export async function assertNoFilesOf(
  request: Pick<SuperviseRequest, 'controlDir' | 'agentSocket' | 'pidFile'>,
): Promise<void> {
  const directories = new Set([request.controlDir, dirname(request.agentSocket), dirname(request.pidFile)]);
  const left: string[] = [];
  for (const directory of directories) {
    for (const name of await namesIn(directory)) {
      const path = join(directory, name);
      if ((await lstat(path)).isSocket()) left.push(path);
    }
  }
  assert.deepEqual(left, [], 'sockets are left');
  assert.ok(!(await exists(request.pidFile)), `the record ${request.pidFile} is left`);
}

async function namesIn(directory: string): Promise<readonly string[]> {
  try {
    return await readdir(directory);
  } catch (thrown) {
    // Gone with everything in it.
    if (errnoOf(thrown) === 'ENOENT') return [];
    throw thrown;
  }
}
