import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Tests run as this user too. */
const ORDINARY_USER = 'nobody';
/** Binds the checkout to a directory everybody can reach, in a mount namespace of the command's own, and runs the command there. */
const BIND_AND_RUN = 'mount --bind "$1" "$2" && cd "$2" && shift 2 && exec "$@"';

/**
 * Where an ordinary user can read the checkout, and how to run a command there. A checkout below a private directory (`/root`) is bound to one
 * in `/tmp` while the command runs; nothing of that is left afterwards.
 * @param {string} root the checkout
 * @returns {{ root: string, command(program: string, args: string[]): [string, string[]], release(): void }}
 */
export function readableCheckout(root) {
  const inPlace = { root, command: (program, args) => [join(root, program), args], release: () => undefined };
  if (process.getuid?.() !== 0) return inPlace;
  const probe = spawnSync('runuser', ['-u', ORDINARY_USER, '--', 'test', '-r', join(root, 'package.json')]);
  if (probe.status === 0) return inPlace;
  const bound = mkdtempSync(join(tmpdir(), 'boxlite-checkout-'));
  return {
    root: bound,
    command: (program, args) => [
      'unshare',
      [
        '--mount',
        '--propagation',
        'private',
        'sh',
        '-c',
        BIND_AND_RUN,
        'sh',
        root,
        bound,
        join(bound, program),
        ...args,
      ],
    ],
    release: () => rmdirSync(bound),
  };
}
