import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { nativeDir, supervisorBinary } from './native-build.js';

/** Debian's nobody:nogroup. */
export const NOBODY = { uid: 65534, gid: 65534 } as const;

/** A program that becomes an ordinary user and then the supervisor. Needs root. */
function supervisorAsNobody(): string {
  const path = `${nativeDir}build/supervisor-as-nobody`;
  const staged = `${path}.${process.pid}`;
  const become = `/usr/bin/setpriv --reuid=${NOBODY.uid} --regid=${NOBODY.gid} --clear-groups`;
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(staged, `#!/bin/sh\nexec ${become} ${supervisorBinary}\n`, { mode: 0o755 });
  // A program open for writing, as another worker's would be, cannot be executed.
  renameSync(staged, path);
  return path;
}

const self = { name: 'the current user', supervisorBinary: () => supervisorBinary, owner: undefined };

/** Whom the tests run supervisors as: the current user and, where that is root, also an ordinary one. */
export const runningUsers =
  process.getuid?.() === 0 ? [self, { name: 'nobody', supervisorBinary: supervisorAsNobody, owner: NOBODY }] : [self];
