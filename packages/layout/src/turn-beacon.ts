import { readdir, rm } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { abortedError, BoxliteError, type ProcessIdentity } from '@boxlite/core';
import { currentUid } from './current-uid.js';
import { ensurePrivateDirectory } from './private-directory.js';
import { isAlive, selfIdentity } from './process-identity.js';
import { socketLinkParent } from './socket-link-path.js';

/** `<pid>-<start time>.turns`; the "." keeps it apart from the links of boxes, whose ids have none. */
const SOCKET_NAME = /^(\d{1,10})-(\d{1,16})\.turns$/;
/** Longer than any entity; what writes more is none of us. */
const MAX_QUESTION_BYTES = 256;
/** Answer to a question about a turn that is under way. */
const UNDER_WAY = 'w';

const socketPath = ({ pid, startTime }: ProcessIdentity): string =>
  join(socketLinkParent(currentUid()), `${pid}-${startTime}.turns`);

/**
 * The socket by which other processes learn that a turn of this one has ended: whoever waits for it keeps a connection open, and the
 * kernel closes it also when this process is killed. Open only while there are turns.
 */
class TurnBeacon {
  private readonly waiting = new Map<string, { turns: number; readonly sockets: Set<Socket> }>();
  private server: Promise<Server | undefined> | undefined;

  /** @returns what to call when the turn has ended, after its lease was given back */
  async light(entity: string): Promise<() => void> {
    const turn = this.waiting.get(entity) ?? { turns: 0, sockets: new Set() };
    this.waiting.set(entity, turn);
    turn.turns += 1;
    this.server ??= this.listen();
    await this.server;
    return () => {
      for (const socket of turn.sockets) socket.destroy();
      turn.sockets.clear();
      turn.turns -= 1;
      if (turn.turns === 0) this.waiting.delete(entity);
      if (this.waiting.size === 0) this.close();
    };
  }

  /** Undefined when there can be no socket; others then find out by asking for the lease again. */
  private async listen(): Promise<Server | undefined> {
    const path = socketPath(selfIdentity());
    try {
      await ensurePrivateDirectory(socketLinkParent(currentUid()), currentUid());
      await sweepSockets();
      const server = createServer((socket) => this.answer(socket));
      await new Promise<void>((resolve, reject) => server.once('error', reject).listen(path, resolve));
      // It keeps no process alive; and what goes wrong with it later concerns only those who wait.
      return server.unref().on('error', () => undefined);
    } catch {
      // A /tmp of somebody else's making, or a second copy of this module: sharing still works, with more asking.
      return undefined;
    }
  }

  private close(): void {
    const closing = this.server;
    this.server = undefined;
    // Closing removes the socket's file.
    void closing?.then((server) => server?.close());
  }

  private answer(socket: Socket): void {
    let question = '';
    socket.setEncoding('latin1').unref();
    socket.on('error', () => socket.destroy());
    socket.on('data', (text: string) => {
      question += text;
      if (question.length > MAX_QUESTION_BYTES) socket.destroy();
      if (!question.endsWith('\n')) return;
      const turn = this.waiting.get(question.slice(0, -1));
      if (turn === undefined) return void socket.destroy();
      turn.sockets.add(socket);
      socket.once('close', () => turn.sockets.delete(socket));
      socket.write(UNDER_WAY);
    });
  }
}

const beacon = new TurnBeacon();

/** Lets other processes wait for a turn of this one. @returns what to call when it has ended */
export function lightTurnBeacon(entity: string): Promise<() => void> {
  return beacon.light(entity);
}

/**
 * Waits until a turn of another process has ended, or that process has.
 * @returns false when that process does not answer, or knows nothing of such a turn
 * @throws BoxliteError `aborted`
 */
export async function waitForTurn(holder: ProcessIdentity, entity: string, signal?: AbortSignal): Promise<boolean> {
  try {
    await ensurePrivateDirectory(socketLinkParent(currentUid()), currentUid());
  } catch (thrown) {
    // Whoever else owns the directory could let us wait for ever.
    if (BoxliteError.isInstance(thrown)) return false;
    throw thrown;
  }
  const answered = await askAndWait(socketPath(holder), entity, signal);
  // One that was killed has left its socket behind.
  if (!isAlive(holder)) await rm(socketPath(holder), { force: true });
  return answered;
}

function askAndWait(path: string, entity: string, signal: AbortSignal | undefined): Promise<boolean> {
  return new Promise((resolve, reject) => {
    let underWay = false;
    const socket = connect(path, () => void socket.write(`${entity}\n`));
    const onAbort = () => socket.destroy();
    signal?.addEventListener('abort', onAbort);
    socket.once('data', () => {
      underWay = true;
    });
    // `close` follows, and says all there is to know.
    socket.on('error', () => undefined);
    socket.once('close', () => {
      signal?.removeEventListener('abort', onAbort);
      if (signal?.aborted === true) reject(abortedError(signal, `waiting for ${entity}`));
      else resolve(underWay);
    });
    if (signal?.aborted === true) onAbort();
  });
}

/** Removes the sockets of processes that were killed. */
async function sweepSockets(): Promise<void> {
  const directory = socketLinkParent(currentUid());
  for (const name of await readdir(directory)) {
    const [, pid, startTime] = SOCKET_NAME.exec(name) ?? [];
    if (pid === undefined || isAlive({ pid: Number(pid), startTime: Number(startTime) })) continue;
    await rm(join(directory, name), { force: true });
  }
}
