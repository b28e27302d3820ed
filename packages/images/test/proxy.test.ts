import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import { connect, type Socket } from 'node:net';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { createRegistryImageSource } from '../src/index.js';
import { startDockerRegistry } from './docker-registry.js';
import { sampleImage } from './sample-image.js';
import { temporaryHome } from './temporary-home.js';

/** A proxy that tunnels every name to one registry. */
async function startProxy(target: string) {
  const asked: string[] = [];
  const proxy = createServer();
  proxy.on('connect', (request: IncomingMessage, client: Socket) => {
    asked.push(request.url ?? '');
    const [host = '', port] = target.split(':');
    const upstream = connect(Number(port), host, () => {
      client.write('HTTP/1.1 200 OK\r\n\r\n');
      upstream.pipe(client).pipe(upstream);
    });
    for (const socket of [client, upstream]) {
      socket.on('error', () => {
        client.destroy();
        upstream.destroy();
      });
    }
    onTestFinished(() => void upstream.destroy());
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  onTestFinished(() => void proxy.close());
  return { asked, url: `http://127.0.0.1:${(proxy.address() as { port: number }).port}` };
}

describe('a proxy of the environment', () => {
  it('is used for other hosts, and never for loopback', async () => {
    const registry = await startDockerRegistry();
    const sample = await sampleImage({ layers: 1 });
    await registry.push(sample.reference, 'app:v1');
    const proxy = await startProxy(registry.host);
    for (const name of ['http_proxy', 'HTTP_PROXY', 'https_proxy', 'HTTPS_PROXY']) vi.stubEnv(name, proxy.url);
    for (const name of ['no_proxy', 'NO_PROXY']) vi.stubEnv(name, '');
    onTestFinished(() => void vi.unstubAllEnvs());
    const host = 'registry.invalid:5000';
    await using source = createRegistryImageSource({
      blobs: await temporaryHome(),
      registries: [{ host, transport: 'http' }],
    });
    expect((await source.resolve(`${host}/app:v1`)).manifestDigest).toBe(sample.manifestDigest);
    expect(new Set(proxy.asked)).toEqual(new Set([host]));
    const before = proxy.asked.length;
    await source.resolve(`${registry.host}/app:v1`, { pull: 'always' });
    expect(proxy.asked).toHaveLength(before);
  });
});
