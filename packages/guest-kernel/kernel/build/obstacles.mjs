import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { crossPrefix, TARGETS } from './target.mjs';

export const SOURCE_PACKAGE = 'linux-source-6.1';
export const SOURCE_TARBALL = '/usr/src/linux-source-6.1.tar.xz';

const COMMANDS = {
  gcc: 'build-essential',
  make: 'build-essential',
  ld: 'build-essential',
  tar: 'tar',
  patch: 'patch',
  xz: 'xz-utils',
  flex: 'flex',
  bison: 'bison',
  bc: 'bc',
  'dpkg-query': 'dpkg',
};

/**
 * The Debian packages a build lacks, in the order of their names.
 * @param {string} target
 * @param {{ has?: (path: string) => boolean, path?: string, machine?: string }} [host] for tests
 */
export function missingPackages(target, { has = existsSync, path = process.env.PATH ?? '', machine } = {}) {
  const isCommand = (name) => path.split(delimiter).some((directory) => directory !== '' && has(join(directory, name)));
  const missing = new Set();
  if (!has(SOURCE_TARBALL)) missing.add(SOURCE_PACKAGE);
  for (const [command, owner] of Object.entries(COMMANDS)) if (!isCommand(command)) missing.add(owner);
  if (!has('/usr/include/gelf.h')) missing.add('libelf-dev'); // objtool, which checks x86 code while it is built
  const prefix = crossPrefix(target, machine);
  if (prefix !== '' && !isCommand(`${prefix}gcc`))
    for (const owner of TARGETS[target].crossPackages) missing.add(owner);
  return [...missing].sort();
}
