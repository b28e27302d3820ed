import { open } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { basename, dirname } from 'node:path';
import { BoxliteError, toBoxliteError } from '@boxlite/core';

/**
 * Connects to a unix socket whose path may be longer than `sun_path`: through an open descriptor of its directory.
 * @param timeoutMs milliseconds after which it gives up
 * @param signal gives up too; both without effect once connected
 * @param adopt takes the socket over in the very turn it is connected: an error it had before somebody listens would end the process, and a close be missed
 * @throws BoxliteError `vmm_failed` when nobody listens, `timeout`, `aborted`
 */
export async function dialSocket<T>(
  path: string,
  timeoutMs: number,
  signal: AbortSignal | undefined,
  adopt: (socket: Socket) => T,
): Promise<T> {
  const what = `connecting to QEMU's monitor at ${path}`;
  const directory = await open(dirname(path), 'r').catch((thrown: unknown) => {
    throw toBoxliteError(thrown, 'vmm_failed', what);
  });
  const timer = AbortSignal.timeout(timeoutMs);
  const any = signal === undefined ? timer : AbortSignal.any([timer, signal]);
  try {
    return await connectThrough(`/proc/self/fd/${directory.fd}/${basename(path)}`, any, adopt);
  } catch (thrown) {
    if (!any.aborted) throw toBoxliteError(thrown, 'vmm_failed', what);
    if (signal?.aborted === true) throw new BoxliteError('aborted', `${what}: aborted`, { cause: signal.reason });
    throw new BoxliteError('timeout', `${what} took more than ${timeoutMs} ms`, {
      hint: 'the host may be overloaded; stopping the box ends it in any case',
    });
  } finally {
    await directory.close();
  }
}

/** Rejects with what connecting failed with, or with whatever once the signal has fired. */
function connectThrough<T>(path: string, signal: AbortSignal, adopt: (socket: Socket) => T): Promise<T> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    const onAbort = () => socket.destroy(new Error('given up'));
    const onError = (error: Error) => {
      signal.removeEventListener('abort', onAbort);
      reject(error);
    };
    socket.once('error', onError);
    socket.once('connect', () => {
      signal.removeEventListener('abort', onAbort);
      socket.removeListener('error', onError);
      resolve(adopt(socket));
    });
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
  });
}
