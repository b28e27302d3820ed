import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';

/** What came in from outside this process, as text. */
export interface Listener {
  readonly port: number;
  received(): string;
  close(): Promise<void>;
}

export async function listenOnPath(path: string): Promise<Listener> {
  return listen((server) => server.listen(path));
}

/** TCP on a free port of all addresses of one family. */
export async function listenOnTcp(host: '0.0.0.0' | '::1'): Promise<Listener> {
  return listen((server) => server.listen(0, host));
}

async function listen(bind: (server: ReturnType<typeof createServer>) => void): Promise<Listener> {
  let text = '';
  const server = createServer((socket) => {
    text += '<came>';
    socket.on('data', (chunk) => {
      text += chunk.toString();
    });
    // A peer that dies in the middle has come all the same.
    socket.on('error', () => socket.destroy());
  });
  bind(server);
  await once(server, 'listening');
  const address = server.address() as AddressInfo | string;
  return {
    port: typeof address === 'string' ? 0 : address.port,
    received: () => text,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

export async function listenOnUdp(): Promise<Listener> {
  let text = '';
  const socket = createSocket('udp4');
  socket.on('message', (message) => {
    text += message.toString();
  });
  socket.bind(0, '0.0.0.0');
  await once(socket, 'listening');
  return {
    port: socket.address().port,
    received: () => text,
    close: () => new Promise((resolve) => socket.close(() => resolve())),
  };
}

const CALL_INTERVAL_MS = 40;

/** Calls a port of loopback again and again, as a client of the host would; `received` says whether anybody answered. */
export function callPort(port: number): Listener {
  let answered = '';
  const timer = setInterval(() => {
    const socket = connect(port, '127.0.0.1');
    socket.once('data', (chunk) => {
      answered += chunk.toString();
      socket.destroy();
    });
    // Nobody serves there: the usual case.
    socket.on('error', () => socket.destroy());
  }, CALL_INTERVAL_MS);
  return {
    port,
    received: () => answered,
    async close() {
      clearInterval(timer);
    },
  };
}

/** A port nobody listens on just now. */
export async function freePort(): Promise<number> {
  const listener = await listenOnTcp('0.0.0.0');
  await listener.close();
  return listener.port;
}
