import { execFile } from 'node:child_process';
import { stat } from 'node:fs/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);
const TIMEOUT_MS = 5_000;
const MAX_OUTPUT_BYTES = 4096;
const SET_USER_ID = 0o4000;

/** What is known of a bwrap that does not work, to say why; never throws. */
export async function describeBwrap(
  path: string,
): Promise<{ readonly version: string | undefined; readonly setuid: boolean }> {
  const [version, setuid] = await Promise.all([versionOf(path), isSetuidRoot(path)]);
  return { version, setuid };
}

async function versionOf(path: string): Promise<string | undefined> {
  try {
    const { stdout } = await run(path, ['--version'], { env: {}, timeout: TIMEOUT_MS, maxBuffer: MAX_OUTPUT_BYTES });
    return /^bubblewrap [0-9][0-9A-Za-z.+~-]{0,30}$/.exec(stdout.trim())?.[0];
  } catch {
    // Not a bubblewrap at all, or one that cannot run: what the trial said is told anyway.
    return undefined;
  }
}

async function isSetuidRoot(path: string): Promise<boolean> {
  try {
    const { mode, uid } = await stat(path);
    return uid === 0 && (mode & SET_USER_ID) !== 0;
  } catch {
    // Gone between two looks: not a reason to be told.
    return false;
  }
}
