import { spawn } from 'node:child_process';
import { constants } from 'node:fs';
import { access, mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ConfinedCommand, Sandbox } from '@boxlite/core';

/** A start of one small program; a machine that takes longer is told as broken rather than waited for. */
const PROBE_TIMEOUT_MS = 10_000;
/** What is kept of what sandbox-exec says, in characters. */
const MAX_SAID = 400;

const NESTED = 'run it outside any other sandbox: one process cannot be put into two';

/**
 * Runs a confined command that does nothing, as a box's would run: whether sandbox-exec is there, reads a profile from a descriptor, knows each
 * operation of the profile, and may confine.
 */
export async function probeSandboxExec(command: ConfinedCommand): Promise<Awaited<ReturnType<Sandbox['isAvailable']>>> {
  try {
    await access(command.binary, constants.X_OK);
  } catch {
    // Missing or not for this user: both mean that there is no seatbelt to be had.
    return {
      available: false,
      reason: `${command.binary} is not there, or cannot be executed`,
      remedy: 'it is a part of macOS: name where it is with sandboxExecPath, or mend the system',
    };
  }
  const { status, said } = await run(command);
  if (status === 0) return { available: true };
  const reason = `${command.binary} could not confine a command (${status}): ${said || 'it said nothing'}`;
  const remedy = said.includes('Operation not permitted')
    ? NESTED
    : 'report it with the version of macOS: the profile may hold something this version does not know';
  return { available: false, reason, remedy };
}

async function run({
  binary,
  args,
  env,
  dataFds = [],
}: ConfinedCommand): Promise<{ status: number | string; said: string }> {
  const directory = await mkdtemp(join(tmpdir(), 'boxlite-seatbelt-'));
  const handles = [];
  try {
    const stdio: ('ignore' | 'pipe' | number)[] = ['ignore', 'ignore', 'pipe'];
    for (const { fd, data } of dataFds) {
      const file = join(directory, String(fd));
      await writeFile(file, data, { mode: 0o600 });
      const handle = await open(file, 'r');
      handles.push(handle);
      while (stdio.length <= fd) stdio.push('ignore');
      stdio[fd] = handle.fd;
    }
    return await new Promise((resolve) => {
      const child = spawn(binary, args, { env, cwd: '/', stdio, timeout: PROBE_TIMEOUT_MS, killSignal: 'SIGKILL' });
      let said = '';
      child.stderr?.setEncoding('utf8').on('data', (text: string) => {
        said = (said + text).slice(0, MAX_SAID);
      });
      child.on('error', (thrown) => resolve({ status: thrown.message, said }));
      child.on('close', (code, signal) => resolve({ status: code ?? signal ?? 'no status', said: oneLine(said) }));
    });
  } finally {
    for (const handle of handles) await handle.close();
    await rm(directory, { recursive: true, force: true });
  }
}

function oneLine(text: string): string {
  return text.replace(/\p{Cc}+/gu, ' ').trim();
}
