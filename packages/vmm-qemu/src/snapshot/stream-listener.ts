import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { dirname, join } from 'node:path';
import { addAbortSignal } from 'node:stream';
import { BoxliteError, toBoxliteError } from '@boxlite/core';
import { MAX_SOCKET_PATH_BYTES } from '../machine/machine-limits.js';
import { removeDeadSockets } from './dead-sockets.js';

/** A QEMU that sends nothing for so long while its guest stands still is stuck. */
const IDLE_TIMEOUT_MS = 30_000;
/** Paths this process listens on. */
const live = new Set<string>();

/** A unix socket that takes one connection. */
export interface StreamListener extends AsyncDisposable {
  readonly path: string;
  /**
   * Waits for the connection and gives what comes, chunk by chunk, each when the one before has been dealt with.
   * @throws BoxliteError `vmm_failed`, `timeout`, `aborted`; and what `take` throws
   */
  receive(take: (chunk: Buffer) => Promise<void>, signal: AbortSignal): Promise<void>;
}

/**
 * Listens beside the agent socket: in the one directory the VMM sees and finds under the same path as we do. The name is new each time; nobody but
 * the VMM and the owner of the home reaches it. What processes that were killed have left there goes.
 */
export async function listenForStream(agentSocket: string): Promise<StreamListener> {
  const path = join(dirname(agentSocket), `${randomBytes(3).toString('hex')}.ram`);
  if (Buffer.byteLength(path) > MAX_SOCKET_PATH_BYTES) {
    throw new BoxliteError('unsupported', `the socket path ${path} is too long to capture a machine by`, {
      hint: `use an agent socket whose path is at most ${MAX_SOCKET_PATH_BYTES - 2} bytes`,
      details: { field: 'agentSocket' },
    });
  }
  await removeDeadSockets(dirname(path), live);
  const server = createServer({ pauseOnConnect: true });
  // Also the one that comes when nobody waits any more: a server only closes once its connections have.
  const connections: Socket[] = [];
  server.on('connection', (socket) => connections.push(socket));
  live.add(path);
  server.once('close', () => live.delete(path));
  try {
    await listening(server, path);
  } catch (thrown) {
    live.delete(path);
    throw thrown;
  }
  return {
    path,
    receive: (take, signal) => receive(server, take, signal),
    async [Symbol.asyncDispose]() {
      for (const socket of connections) socket.destroy();
      if (!server.listening) return;
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

function listening(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (thrown: Error) => reject(toBoxliteError(thrown, 'storage_error', `listening on ${path}`));
    server.once('error', fail);
    server.listen(path, () => {
      server.removeListener('error', fail);
      resolve();
    });
  });
}

async function receive(server: Server, take: (chunk: Buffer) => Promise<void>, signal: AbortSignal): Promise<void> {
  try {
    const [socket]: Socket[] = await once(server, 'connection', { signal });
    if (socket === undefined) return;
    server.close();
    addAbortSignal(signal, socket);
    socket.on('timeout', () => socket.destroy(stuck()));
    socket.setTimeout(IDLE_TIMEOUT_MS);
    for await (const chunk of socket) {
      // A disk of ours that is slow is not QEMU's fault.
      socket.setTimeout(0);
      await take(chunk);
      socket.setTimeout(IDLE_TIMEOUT_MS);
    }
  } catch (thrown) {
    throw toBoxliteError(thrown, 'vmm_failed', "reading QEMU's stream");
  }
}

function stuck(): BoxliteError {
  return new BoxliteError('timeout', `QEMU sent nothing of its memory for ${IDLE_TIMEOUT_MS} ms`, {
    hint: 'the host may be overloaded; stopping the box ends it in any case',
  });
}
