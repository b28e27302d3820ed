import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { dirname, join } from 'node:path';
import { BoxliteError, errnoOf } from '@boxlite/core';
import { greetConnection } from './greet-connection.js';
import type { SupervisedConnection } from './supervised-connection.js';

/**
 * Connects to the supervisor that serves `<controlDir>/api.sock`.
 * @param controlDir `control/` of a box; its `exit` file lies beside it (layout of a box directory)
 * @param exitFile where the box's crash record is, if not there
 * @throws BoxliteError `agent_unavailable` when none does
 */
export async function connectSupervisor(
  controlDir: string,
  signal?: AbortSignal,
  exitFile = join(dirname(controlDir), 'exit'),
): Promise<SupervisedConnection> {
  const socket = await dial(controlDir);
  return greetConnection(socket, { exitFile, dial: () => connectSupervisor(controlDir, undefined, exitFile) }, signal);
}

/** Dials through the open directory: the real path may be longer than the 108 bytes of `sun_path`. */
async function dial(controlDir: string): Promise<Socket> {
  let directory: FileHandle | undefined;
  try {
    directory = await open(controlDir, constants.O_RDONLY | constants.O_DIRECTORY);
    const path = `/proc/self/fd/${directory.fd}/api.sock`;
    return await new Promise<Socket>((resolve, reject) => {
      const socket = connect({ path });
      // It stays: a supervisor that ends before the greeting is awaited resets the connection, and an error nobody hears ends the process.
      socket.on('error', reject);
      socket.once('connect', () => resolve(socket));
    });
  } catch (error) {
    throw new BoxliteError(
      'agent_unavailable',
      `no supervisor serves ${join(controlDir, 'api.sock')}: ${reasonOf(error)}`,
      {
        hint: 'the box is not running, or belongs to another user',
        cause: error,
        details: { controlDir },
      },
    );
  } finally {
    await directory?.close();
  }
}

function reasonOf(error: unknown): string {
  const errno = errnoOf(error);
  if (errno === 'ENOENT') return 'there is no such socket';
  if (errno === 'ECONNREFUSED') return 'nobody listens any more';
  if (errno === 'EAGAIN') return 'more processes dial it at this moment than it can answer';
  return error instanceof Error ? error.message : String(error);
}
