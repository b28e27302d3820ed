import { readdirSync, readFileSync } from 'node:fs';
import { errnoOf, toBoxliteError } from '@boxlite/core';
import type { IdRange, TakenIds } from './choose-host-id.js';

/** The files of the host that give ids to somebody; text of one, empty when there is none. */
export type ReadText = (path: string) => string;

/**
 * Ids of this host's users and groups, and the ranges that were handed to users for their containers.
 * @throws BoxliteError `storage_error` when one of the files cannot be read
 */
export function readTakenIds(read: ReadText = readOrEmpty): TakenIds {
  const fields = (path: string, ...columns: number[]) =>
    lines(read(path)).flatMap((line) => columns.flatMap((column) => numberOf(line.split(':')[column])));
  return {
    ids: new Set([...fields('/etc/passwd', 2, 3), ...fields('/etc/group', 2)]),
    ranges: ['/etc/subuid', '/etc/subgid'].flatMap((path) => lines(read(path)).flatMap(rangeOf)),
  };
}

/** The ids processes run under now: also of users whom no file names. */
export function readRunningIds(read: ReadText = readOrEmpty, pids: readonly string[] = runningPids()): Set<number> {
  const ids = new Set<number>();
  for (const pid of pids) {
    for (const line of lines(read(`/proc/${pid}/status`))) {
      if (/^[UG]id:/.test(line)) for (const id of line.split(/\s+/).slice(1)) ids.add(Number(id));
    }
  }
  return ids;
}

function runningPids(): string[] {
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name));
}

function rangeOf(line: string): IdRange[] {
  const [, start, count] = line.split(':');
  return numberOf(start).flatMap((first) =>
    numberOf(count).flatMap((size) => (size > 0 ? [{ first, last: first + size - 1 }] : [])),
  );
}

function lines(text: string): string[] {
  return text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
}

function numberOf(text: string | undefined): number[] {
  return text !== undefined && /^\d{1,10}$/.test(text) ? [Number(text)] : [];
}

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (thrown) {
    // No such file, or a process that ended meanwhile: nobody has an id by it.
    if (['ENOENT', 'ESRCH'].includes(errnoOf(thrown) ?? '')) return '';
    throw toBoxliteError(thrown, 'storage_error', `cannot read ${path}`);
  }
}
