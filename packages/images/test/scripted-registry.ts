import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

export interface ScriptedRegistry {
  readonly host: string;
  /** Paths asked for, in order, and the headers they came with. */
  readonly requests: { readonly path: string; readonly headers: IncomingMessage['headers'] }[];
}

/** An HTTP server for what a real registry never does. */
export async function startScriptedRegistry(listener: RequestListener): Promise<ScriptedRegistry> {
  const requests: ScriptedRegistry['requests'] = [];
  const server = createServer((request, response) => {
    requests.push({ path: request.url ?? '', headers: request.headers });
    listener(request, response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  });
  return { host: `127.0.0.1:${(server.address() as { port: number }).port}`, requests };
}

/** Answers manifests and blobs out of a layout; `intercept` may answer first, by returning true. */
export function serveLayout(
  directory: string,
  intercept: (request: IncomingMessage, response: ServerResponse, body: Buffer) => boolean = () => false,
): RequestListener {
  return async (request, response) => {
    const index = JSON.parse(await readFile(join(directory, 'index.json'), 'utf8'));
    const last = (request.url ?? '').split('/').at(-1) ?? '';
    const digest: string = last.startsWith('sha256:') ? last : index.manifests[0].digest;
    const body = await readFile(join(directory, 'blobs/sha256', digest.replace('sha256:', '')));
    if (intercept(request, response, body)) return;
    if (request.url?.includes('/manifests/'))
      response.setHeader('content-type', 'application/vnd.oci.image.manifest.v1+json');
    response.setHeader('docker-content-digest', 'sha256:lies').end(body);
  };
}
