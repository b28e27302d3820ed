import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmdirSync } from 'node:fs';
import { REPOSITORY } from './run-cli.js';

/**
 * Where an ordinary user can read this repository: in place, or bound to a directory of `/tmp` when a parent of the checkout is private.
 * Needs root for the latter.
 */
export function accessibleRepository(user: string): { readonly root: string; release(): void } {
  const readable = spawnSync('runuser', ['-u', user, '--', 'test', '-r', `${REPOSITORY}/package.json`]);
  if (readable.status === 0) return { root: REPOSITORY, release: () => undefined };
  const root = mkdtempSync('/tmp/boxlite-repository-');
  const bind = spawnSync('mount', ['--bind', REPOSITORY, root], { encoding: 'utf8' });
  if (bind.status !== 0) throw new Error(`mount --bind failed: ${bind.stderr}`);
  return {
    root,
    release() {
      spawnSync('umount', [root]);
      rmdirSync(root);
    },
  };
}
