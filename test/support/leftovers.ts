import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { expect } from 'vitest';
import { patience } from './patience.js';

/** What a finished test file must not leave of its home. */
export interface Leftovers {
  /** `pid command line` of each process that works on the home: supervisors, bubblewrap, VMMs, forgotten command lines. */
  readonly processes: readonly string[];
  /** Short links to sockets of the home's boxes. */
  readonly links: readonly string[];
}

/** How long a process that is ending already may take, in milliseconds. */
const ENDING_TIMEOUT_MS = patience(10_000);
const POLL_INTERVAL_MS = 20;

/** Everything on this machine that belongs to `home` and is not a file in it. Needs root to see processes of others. */
export function leftoversOf(home: string): Leftovers {
  return { processes: processesOf(home).map(describeProcess), links: linksTo(home) };
}

/** Fails unless every process of the home is gone or goes away by itself, and no short link is left. */
export async function expectNothingLeft(home: string): Promise<void> {
  const processes = (await waitUntilGone(() => processesOf(home))).map(describeProcess);
  expect({ ...leftoversOf(home), processes }).toEqual({ processes: [], links: [] });
}

/** Pids whose command line, environment, working directory or open files name the home; never this process. */
export function processesOf(home: string): readonly number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((pid) => belongsTo(`/proc/${pid}`, home))
    .map(Number);
}

function belongsTo(directory: string, home: string): boolean {
  const inside = (path: string | undefined) => path !== undefined && (path === home || path.startsWith(`${home}/`));
  const words = [...wordsOf(join(directory, 'cmdline')), ...wordsOf(join(directory, 'environ'))];
  if (words.some((word) => word.includes(`${home}/`) || word.endsWith(home))) return true;
  if (inside(attempt(() => readlinkSync(join(directory, 'cwd'))))) return true;
  const files = attempt(() => readdirSync(join(directory, 'fd'))) ?? [];
  return files.some((fd) => inside(attempt(() => readlinkSync(join(directory, 'fd', fd)))));
}

function linksTo(home: string): readonly string[] {
  const parents = readdirSync('/tmp').filter((name) => /^bl-\d+$/.test(name));
  return parents.flatMap((name) => {
    const parent = join('/tmp', name);
    const links = (attempt(() => readdirSync(parent)) ?? []).map((link) => join(parent, link));
    return links.filter((link) => attempt(() => readlinkSync(link))?.startsWith(`${home}/`));
  });
}

/**
 * Polls until `find` finds nothing, or time is over; nobody is told of the end of processes that are not children.
 * @returns what it still finds
 */
export async function waitUntilGone<T>(find: () => readonly T[]): Promise<readonly T[]> {
  const end = Date.now() + ENDING_TIMEOUT_MS;
  let found = find();
  while (found.length > 0 && Date.now() < end) {
    await setTimeout(POLL_INTERVAL_MS);
    found = find();
  }
  return found;
}

export function describeProcess(pid: number): string {
  return `${pid} ${wordsOf(`/proc/${pid}/cmdline`).join(' ').slice(0, 200)}`;
}

function wordsOf(path: string): readonly string[] {
  return (attempt(() => readFileSync(path, 'utf8')) ?? '').split('\0').filter((word) => word !== '');
}

/** What /proc shows may be gone, or somebody else's, at any moment. */
function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined; // Gone, or not ours to read: then it is not of this home.
  }
}
