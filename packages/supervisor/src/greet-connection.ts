import type { Socket } from 'node:net';
import {
  BoxliteError,
  type Frame,
  FrameDecoder,
  FrameType,
  type SupervisorWelcome,
  toBoxliteError,
} from '@boxlite/core';
import { type ConnectionBox, SupervisedConnection } from './supervised-connection.js';
import { parseWelcome } from './welcome.js';

/** A supervisor greets from its event loop at once; one that does not is stopped or is something else. */
const WELCOME_TIMEOUT_MS = 5000;

/**
 * Waits for the supervisor's WELCOME on a connected socket and makes the connection of it.
 * @throws BoxliteError `agent_unavailable` when it does not come; the socket is destroyed then
 */
export async function greetConnection(
  socket: Socket,
  box: ConnectionBox,
  signal?: AbortSignal,
): Promise<SupervisedConnection> {
  const decoder = new FrameDecoder();
  let connection: SupervisedConnection | undefined;
  let giveUp: ((error: BoxliteError) => void) | undefined;
  const fail = (error: BoxliteError) => {
    if (connection !== undefined) connection.fail(error);
    else giveUp?.(error);
  };
  const timer = setTimeout(() => fail(unavailable('it did not greet in time')), WELCOME_TIMEOUT_MS);
  const abort = () => fail(new BoxliteError('aborted', 'connecting to the supervisor was aborted'));
  signal?.addEventListener('abort', abort, { once: true });
  try {
    return await new Promise<SupervisedConnection>((resolve, reject) => {
      giveUp = reject;
      if (signal?.aborted) abort();
      // It was reset before anybody listened here, and no event will say so.
      if (socket.destroyed) reject(unavailable('it hung up'));
      // Once greeted, the connection finds out itself what its end means; an error is always followed by 'close'.
      socket.on('error', (error) => reject(unavailable(error.message)));
      socket.once('close', () => reject(unavailable('it hung up')));
      socket.on('data', (chunk: Buffer) => {
        try {
          for (const frame of decoder.push(chunk)) {
            if (connection === undefined) {
              connection = new SupervisedConnection(socket, box, welcomeOf(frame));
              resolve(connection);
            } else {
              connection.push(frame);
            }
          }
        } catch (error) {
          fail(toBoxliteError(error, 'agent_protocol', 'frames of the box'));
        }
      });
    });
  } catch (error) {
    socket.destroy();
    throw error;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', abort);
  }
}

function welcomeOf(frame: Frame): SupervisorWelcome {
  const welcome =
    frame.type === FrameType.WELCOME ? parseWelcome(Buffer.from(frame.payload).toString('utf8')) : undefined;
  if (welcome === undefined) throw unavailable('what answers there is no supervisor');
  return welcome;
}

function unavailable(reason: string): BoxliteError {
  return new BoxliteError('agent_unavailable', `the supervisor of the box cannot be reached: ${reason}`);
}
