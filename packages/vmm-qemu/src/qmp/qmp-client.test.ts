import { once } from 'node:events';
import { mkdir, mkdtemp, open, rm } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { QmpClient } from './qmp-client.js';

const GREETING = '{"QMP": {"version": {"qemu": {"major": 7}}}}\r\n';
type Answer = (command: { readonly execute: string; readonly id: number }, socket: Socket) => void;

let directory: string;
let stopListening: () => Promise<void>;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'boxlite-qmp-'));
  stopListening = async () => undefined;
});
afterEach(async () => {
  await stopListening();
  await rm(directory, { recursive: true });
});

/** A monitor as a hostile or healthy QEMU would play it. */
async function listen(
  answer: Answer,
  options: { readonly greeting?: string; readonly path?: string } = {},
): Promise<string> {
  const path = options.path ?? join(directory, 'qmp.sock');
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => undefined);
    socket.write(options.greeting ?? GREETING);
    socket.on('data', (chunk) => {
      for (const line of chunk.toString().trim().split('\n')) answer(JSON.parse(line), socket);
    });
  });
  // A long path cannot be bound either, so bind it through a descriptor of its directory.
  const parent = await open(dirname(path), 'r');
  server.listen(`/proc/self/fd/${parent.fd}/${basename(path)}`);
  await once(server, 'listening');
  stopListening = async () => {
    for (const socket of sockets) socket.destroy();
    server.close();
    await once(server, 'close');
    await parent.close();
    stopListening = async () => undefined;
  };
  return path;
}

const agree: Answer = ({ id }, socket) => void socket.write(`{"return": {}, "id": ${id}}\r\n`);

describe('QmpClient', () => {
  it('greets, negotiates, and gives each command its own answer', async () => {
    const path = await listen(({ execute, id }, socket) => {
      socket.write(`{"event": "X"}\r\n{"return": "${execute}", "id": ${id}}\r\n`);
    });
    await using client = await QmpClient.connect(path);
    const events: string[] = [];
    client.onEvent((name) => events.push(name));
    expect(await Promise.all([client.execute('a'), client.execute('b')])).toEqual(['a', 'b']);
    expect(events).toEqual(['X', 'X']);
  });

  it('reaches a socket whose path is longer than sun_path', async () => {
    const deep = join(directory, 'd'.repeat(120), 'e'.repeat(120));
    await mkdir(deep, { recursive: true });
    const path = await listen(agree, { path: join(deep, 'qmp.sock') });
    await using client = await QmpClient.connect(path);
    expect(await client.execute('cont')).toEqual({});
  });

  it('rejects with what QEMU said when it refuses', async () => {
    const path = await listen(({ execute, id }, socket) => {
      const body = execute === 'stop' ? '"error": {"class": "GenericError", "desc": "not now"}' : '"return": {}';
      socket.write(`{${body}, "id": ${id}}\r\n`);
    });
    await using client = await QmpClient.connect(path);
    await expect(client.execute('stop')).rejects.toMatchObject({
      code: 'vmm_failed',
      message: 'QEMU refused: not now',
    });
  });

  it('rejects every command under way when the connection ends, and every later one', async () => {
    const path = await listen(({ execute, id }, socket) => {
      if (execute === 'quit') socket.destroy();
      else agree({ execute, id }, socket);
    });
    await using client = await QmpClient.connect(path);
    await expect(client.execute('quit')).rejects.toMatchObject({ code: 'vmm_failed' });
    await expect(client.execute('cont')).rejects.toMatchObject({ code: 'vmm_failed' });
    await client.closed;
  });

  it('does not wait for ever: no greeting and no answer are time-outs', async () => {
    const silent = await listen(() => undefined, { greeting: ' ' });
    await expect(QmpClient.connect(silent, { timeoutMs: 30 })).rejects.toMatchObject({ code: 'timeout' });
    await stopListening();
    // Long enough to connect in, on a machine that is busy.
    const mute = await listen((command, socket) => {
      if (command.execute === 'qmp_capabilities') agree(command, socket);
    });
    await using client = await QmpClient.connect(mute, { timeoutMs: 500 });
    await expect(client.execute('cont')).rejects.toMatchObject({ code: 'timeout' });
  });

  it('gives up on rubbish, and on answers to nothing is not confused', async () => {
    const path = await listen(({ execute, id }, socket) => {
      socket.write('{"return": "late", "id": 999}\r\n');
      if (execute === 'bad') socket.write('rubbish\r\n');
      else agree({ execute, id }, socket);
    });
    await using client = await QmpClient.connect(path);
    expect(await client.execute('good')).toEqual({});
    await expect(client.execute('bad')).rejects.toMatchObject({ code: 'vmm_failed' });
  });

  it('says so when nobody listens, and when it is told to give up', async () => {
    await expect(QmpClient.connect(join(directory, 'none.sock'))).rejects.toMatchObject({ code: 'vmm_failed' });
    await expect(QmpClient.connect(join(directory, 'no', 'dir.sock'))).rejects.toMatchObject({ code: 'vmm_failed' });
    const path = await listen(agree);
    await expect(QmpClient.connect(path, { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'aborted' });
  });

  it('can be closed more than once', async () => {
    const client = await QmpClient.connect(await listen(agree));
    await Promise.all([client.close(), client.close()]);
    await client.close();
  });
});
