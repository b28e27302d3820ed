import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import './vmm-under-test.js';
import { describeProcess, expectNothingLeft, leftoversOf, processesOf, waitUntilGone } from './leftovers.js';

/** A home of its own for one test file. */
export interface TemporaryHome {
  readonly home: string;
  /** Removes it with the short links of its boxes. Throws, after ending them, when processes still work on it. */
  remove(): Promise<void>;
  /** For homes whose boxes have all been removed: fails when a process or a short link is left, and removes everything in any case. */
  end(): Promise<void>;
}

export async function temporaryHome(): Promise<TemporaryHome> {
  const home = await mkdtemp(join(tmpdir(), 'boxlite-e2e-'));
  return {
    home,
    remove: () => removeHome(home),
    async end() {
      try {
        await expectNothingLeft(home);
      } finally {
        await removeHome(home);
      }
    },
  };
}

/** Removes a directory that is, or contains, a home; see {@link TemporaryHome}. */
export async function removeHome(home: string): Promise<void> {
  const left = await waitUntilGone(() => processesOf(home));
  const processes = left.map(describeProcess);
  for (const pid of left) process.kill(pid, 'SIGKILL');
  const { links } = leftoversOf(home);
  await Promise.all([...links, home].map((path) => rm(path, { recursive: true, force: true })));
  if (processes.length > 0) throw new Error(`processes were left behind:\n${processes.join('\n')}`);
}
