import { spawn } from 'node:child_process';
import { constants, setPriority } from 'node:os';

/** So many of a program's last words are kept for the message when it fails. */
const KEPT_LINES = 40;

/**
 * Runs a program with its children in a process group of their own, at low priority; an abort ends the whole group.
 * @param {string} program
 * @param {string[]} args
 * @param {{ cwd: string, environment?: Record<string, string>, signal?: AbortSignal, onLine?: (line: string) => void }} options
 * @throws Error with the last words of a program that failed; the signal's reason
 */
export function run(program, args, { cwd, environment = {}, signal, onLine }) {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const child = spawn(program, args, {
      cwd,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      // Nothing of the caller's environment gets into the build but where programs are.
      env: { PATH: process.env.PATH ?? '', LC_ALL: 'C', ...environment },
    });
    const last = [];
    for (const stream of [child.stdout, child.stderr]) eachLine(stream, last, onLine);
    const kill = () => {
      try {
        process.kill(-child.pid, 'SIGKILL');
      } catch (thrown) {
        if (thrown.code !== 'ESRCH') throw thrown; // it ended by itself
      }
    };
    signal?.addEventListener('abort', kill, { once: true });
    child.on('spawn', () => lowerPriority(child.pid));
    child.on('error', reject);
    child.on('close', (status) => {
      signal?.removeEventListener('abort', kill);
      if (signal?.aborted) reject(signal.reason);
      else if (status === 0) resolve();
      else reject(new Error(`${program} ${args.join(' ')} ended with ${status}:\n${last.join('\n')}`));
    });
  });
}

function lowerPriority(pid) {
  try {
    setPriority(pid, constants.priority.PRIORITY_BELOW_NORMAL);
  } catch (thrown) {
    if (thrown.code !== 'ERR_SYSTEM_ERROR') throw thrown; // it ended already
  }
}

function eachLine(stream, last, onLine) {
  let rest = '';
  stream.setEncoding('utf8').on('data', (text) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop();
    for (const line of lines) {
      last.push(line);
      if (last.length > KEPT_LINES) last.shift();
      onLine?.(line);
    }
  });
}
