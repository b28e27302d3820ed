import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';

/** A registry that sends only the beginning of large blobs until it is let go on. */
export interface HeldRegistry {
  /** `127.0.0.1:<port>`. */
  readonly host: string;
  /** Sends the rest of what was asked for, and of what is asked for from now on. */
  release(): void;
}

/** What is sent of a blob that is held; smaller ones are sent whole. */
const SENT_BYTES = 1.5 * 1024 * 1024;

/** Stands before a real registry; ended with the test. @param host of the registry behind it */
export async function heldRegistry(host: string): Promise<HeldRegistry> {
  let held: (() => void)[] | undefined = [];
  const server = createServer((incoming: IncomingMessage, outgoing: ServerResponse) => {
    const { hostname, port } = new URL(`http://${host}`);
    const { method, url, headers } = incoming;
    const onward = request({ hostname, port, method, path: url, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
      if (held === undefined || !/\/blobs\//.test(url ?? '')) answer.pipe(outgoing);
      else holdBack(answer, outgoing);
    });
    onward.on('error', () => outgoing.destroy());
    incoming.pipe(onward);
  });
  const holdBack = (answer: IncomingMessage, outgoing: ServerResponse): void => {
    let sent = 0;
    const onData = (chunk: Buffer): void => {
      outgoing.write(chunk);
      sent += chunk.byteLength;
      if (sent < SENT_BYTES || held === undefined) return;
      answer.pause().off('data', onData);
      held.push(() => answer.pipe(outgoing));
    };
    answer.on('data', onData);
    answer.on('end', () => outgoing.end());
    // Whoever asked may be gone.
    outgoing.on('close', () => answer.destroy());
  };
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    release() {
      const waiting = held ?? [];
      held = undefined;
      for (const goOn of waiting) goOn();
    },
  };
}
