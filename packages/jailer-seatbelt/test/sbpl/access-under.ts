import type { SbplProfile } from './evaluate-sbpl.js';
import type { Question, Semantics } from './sbpl-question.js';

/** What can be done with a path. */
export interface FileAccess {
  readonly read: boolean;
  readonly write: boolean;
  readonly execute: boolean;
  /** Mapped as code: what a loader does with a library. */
  readonly map: boolean;
  readonly connect: boolean;
  readonly bind: boolean;
}

const QUESTIONS: Readonly<Record<keyof FileAccess, (path: string) => readonly Question[]>> = {
  read: (path) => [
    { operation: 'file-read-data', path },
    { operation: 'file-read-xattr', path },
  ],
  write: (path) => [{ operation: 'file-write-data', path }],
  execute: (path) => [
    { operation: 'process-exec', path },
    { operation: 'process-exec-interpreter', path },
  ],
  map: (path) => [{ operation: 'file-map-executable', path }],
  connect: (path) => [{ operation: 'network-outbound', remote: { kind: 'unix', path } }],
  bind: (path) => [
    { operation: 'network-bind', local: { kind: 'unix', path } },
    { operation: 'network-inbound', local: { kind: 'unix', path } },
  ],
};

/**
 * What a profile permits at one path.
 * @throws Error where that depends on which of two rules holds, or on which of the operations of one kind is asked about: a profile must not leave that open
 */
export function accessUnder(profile: SbplProfile, path: string): FileAccess {
  const answer = (kind: keyof FileAccess): boolean => {
    const answers = QUESTIONS[kind](path).flatMap((question) =>
      (['last', 'nearest'] as const satisfies readonly Semantics[]).map((semantics) =>
        profile.allows(question, semantics),
      ),
    );
    if (new Set(answers).size !== 1) throw new Error(`to ${kind} ${JSON.stringify(path)} is not decided: ${answers}`);
    return answers[0] === true;
  };
  return {
    read: answer('read'),
    write: answer('write'),
    execute: answer('execute'),
    map: answer('map'),
    connect: answer('connect'),
    bind: answer('bind'),
  };
}
