import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { toBoxliteError } from '@boxlite/core';

/** What `listenForStream` calls its sockets; nothing else there is called so. */
const STREAM_SOCKET = /^[0-9a-f]{6}\.ram$/;

/**
 * Removes the sockets of captures whose process was killed before QEMU had dialled them. One process at a time captures a machine: all but its own are dead.
 * @param live paths of this process's own
 * @throws BoxliteError `storage_error`
 */
export async function removeDeadSockets(directory: string, live: ReadonlySet<string>): Promise<void> {
  try {
    // The VMM writes here, too: a directory of such a name is its own affair.
    for (const entry of await readdir(directory, { withFileTypes: true })) {
      const path = join(directory, entry.name);
      if (entry.isSocket() && STREAM_SOCKET.test(entry.name) && !live.has(path)) await rm(path, { force: true });
    }
  } catch (thrown) {
    throw toBoxliteError(thrown, 'storage_error', `removing dead sockets from ${directory}`);
  }
}
