import { spawn } from 'node:child_process';
import { existsSync, watch } from 'node:fs';
import { basename, dirname } from 'node:path';
import { shareDaemon } from '../../scripts/setup/share-daemon.mjs';
import { killGroup } from './kill-group.mjs';

/** Binds the directory read-only over itself in a mount namespace of virtiofsd's own: the host cannot write into the checkout, whatever it asks for. */
const READ_ONLY = 'mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && shift && exec "$@"';

/**
 * Serves a directory, read-only, to a virtual machine.
 * @param {{ directory: string, socket: string }} share
 * @returns {Promise<{ close(): void }>} once `socket` accepts QEMU
 */
export async function checkoutShare({ directory, socket }) {
  const child = spawn(
    'unshare',
    [
      ...['--mount', '--propagation', 'private', 'sh', '-c', READ_ONLY, 'sh', directory],
      ...['setpriv', '--pdeathsig', 'KILL', shareDaemon(), '-f', `--socket-path=${socket}`],
      // The checkout does not change under a run in a way that a run may see, so the host may cache all of it.
      ...['-o', `source=${directory}`, '-o', 'cache=always', '-o', 'sandbox=namespace'],
      ...['-o', 'xattr', '--thread-pool-size=0'],
    ],
    { stdio: ['ignore', 'ignore', 'pipe'], detached: true },
  );
  let log = '';
  child.stderr.setEncoding('utf8').on('data', (text) => {
    log = (log + text).slice(-4096);
  });
  const close = () => killGroup(child);
  const watcher = watch(dirname(socket));
  try {
    await new Promise((resolve, reject) => {
      const look = () => existsSync(socket) && resolve();
      child.once('error', reject);
      child.once('close', (status) =>
        reject(new Error(`virtiofsd could not share ${directory} (${basename(socket)}, status ${status}):\n${log}`)),
      );
      watcher.on('change', look);
      look();
    });
  } catch (cause) {
    close();
    throw cause;
  } finally {
    watcher.close();
  }
  return { close };
}
