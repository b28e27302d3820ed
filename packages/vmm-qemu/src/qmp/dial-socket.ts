import { open } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { basename, dirname } from 'node:path';
import { BoxliteError, toBoxliteError } from '@boxlite/core';

/**
 * Connects to a unix socket whose path may be longer than `sun_path`: through an open descriptor of its directory.
 * @param signal gives up; without effect once connected
 * @throws BoxliteError `vmm_failed` when nobody listens, `aborted`
 */
export async function dialSocket(path: string, signal: AbortSignal): Promise<Socket> {
  const what = `connecting to QEMU's monitor at ${path}`;
  const directory = await open(dirname(path), 'r').catch((thrown: unknown) => {
    throw toBoxliteError(thrown, 'vmm_failed', what);
  });
  try {
    return await connectThrough(`/proc/self/fd/${directory.fd}/${basename(path)}`, what, signal);
  } finally {
    await directory.close();
  }
}

function connectThrough(path: string, what: string, signal: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    const onAbort = () => socket.destroy(new BoxliteError('aborted', `${what}: aborted`, { cause: signal.reason }));
    const onError = (error: Error) => {
      signal.removeEventListener('abort', onAbort);
      reject(toBoxliteError(error, 'vmm_failed', what));
    };
    socket.once('error', onError);
    socket.once('connect', () => {
      signal.removeEventListener('abort', onAbort);
      socket.removeListener('error', onError);
      resolve(socket);
    });
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
  });
}
