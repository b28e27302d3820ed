import type { ImageConfig } from '@boxlite/core';
import { mergeEnv } from '../init/stages/guest-init.js';

/** Of what a first command reads, and of the machine's memory a template may fill with it. */
const MAX_BYTES = 48 * 1024 ** 2;
const SHARE_OF_MEMORY = 1 / 8;
const BYTES_PER_MIB = 1024 ** 2;
/** The agent's bound (packages/guest-agent/native/src/request.h). */
const MAX_PATHS = 512;
/** Where commands are looked for when an image does not say. */
const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

const USERS = ['/etc/passwd', '/etc/group'];
/** Loaders and C libraries of Debian, Fedora and Alpine, and what their programs load besides; each image has a few of them. */
const LIBRARIES = [
  '/lib/ld-musl-x86_64.so.1',
  '/lib/ld-musl-aarch64.so.1',
  '/lib64/ld-linux-x86-64.so.2',
  '/lib/ld-linux-aarch64.so.1',
  '/etc/ld.so.cache',
  ...['/lib/x86_64-linux-gnu', '/lib/aarch64-linux-gnu', '/lib64'].flatMap((directory) =>
    ['libc.so.6', 'libm.so.6', 'libtinfo.so.6'].map((name) => `${directory}/${name}`),
  ),
];
const COMMANDS = ['sh', 'true', 'env', 'cat', 'echo', 'bash', 'ls'];

/**
 * What of an image a first command is likely to need: the directories commands are looked for in, the users, the loader and the C library, a shell, and the
 * programs the image itself names. A guess costs a look at a path.
 */
export function firstReads(
  config: ImageConfig,
  memoryMib: number,
): { readonly paths: readonly string[]; readonly readBytes: number } {
  const own = [config.entrypoint[0], config.cmd[0]].filter((word) => word !== undefined);
  const directories = searchPath(config);
  const located = (command: string) =>
    command.startsWith('/') ? [command] : directories.map((directory) => `${directory}/${command}`);
  const paths = [
    ...['/', '/root', ...directories, ...USERS, ...LIBRARIES],
    ...[...COMMANDS.slice(0, 2), ...own, ...COMMANDS.slice(2)].flatMap(located),
  ];
  return {
    paths: [...new Set(paths)].filter((path) => path.startsWith('/') && !path.includes('\0')).slice(0, MAX_PATHS),
    readBytes: Math.floor(Math.min(MAX_BYTES, memoryMib * BYTES_PER_MIB * SHARE_OF_MEMORY)),
  };
}

function searchPath({ env }: ImageConfig): readonly string[] {
  const path = mergeEnv(env, {}).find((entry) => entry.startsWith('PATH='));
  return (path?.slice('PATH='.length) ?? DEFAULT_PATH)
    .split(':')
    .filter((entry) => entry.startsWith('/'))
    .slice(0, 16);
}
