import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { supervisorBinary } from './native-build.js';

/** Debian's nobody:nogroup. */
export const NOBODY = { uid: 65534, gid: 65534 } as const;

/** A program that becomes an ordinary user and then the supervisor. Needs root. */
function supervisorAsNobody(): string {
  const directory = mkdtempSync(join(tmpdir(), 'bl-nobody-'));
  process.once('exit', () => rmSync(directory, { recursive: true, force: true }));
  const path = join(directory, 'supervisor');
  const become = `/usr/bin/setpriv --reuid=${NOBODY.uid} --regid=${NOBODY.gid} --clear-groups`;
  writeFileSync(path, `#!/bin/sh\nexec ${become} ${supervisorBinary}\n`);
  chmodSync(directory, 0o755);
  chmodSync(path, 0o755);
  return path;
}

const self = { name: 'the current user', supervisorBinary: () => supervisorBinary, owner: undefined };

/** Whom the tests run supervisors as: the current user and, where that is root, also an ordinary one. */
export const runningUsers =
  process.getuid?.() === 0 ? [self, { name: 'nobody', supervisorBinary: supervisorAsNobody, owner: NOBODY }] : [self];
