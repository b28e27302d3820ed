import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { onTestFinished } from 'vitest';
import { temporaryDirectory } from './temporary-directory.js';

const run = promisify(execFile);

export interface DockerRegistry {
  /** `127.0.0.1:<port>`. */
  readonly host: string;
  /** Root of its storage, below which blobs are `docker/registry/v2/blobs/sha256/<2>/<hex>/data`. */
  readonly storage: string;
  /** The file behind a digest. */
  blobFile(digest: string): string;
  /** Fills it from a layout, `skopeo copy` with what else it needs. */
  push(layout: string, name: string, extra?: readonly string[]): Promise<void>;
  /** Ends it before the test ends: nobody answers at its port any more. */
  stop(): Promise<void>;
}

/** A real registry on a free loopback port, stopped when the test ends. @param settings more lines for its configuration */
export async function startDockerRegistry(settings: object = {}): Promise<DockerRegistry> {
  const directory = await temporaryDirectory();
  const storage = join(directory, 'storage');
  await mkdir(storage);
  const port = await freePort();
  const { http, ...rest } = settings as { http?: object };
  // The configuration is YAML, of which JSON is a part.
  const configuration = {
    version: 0.1,
    log: { level: 'error', accesslog: { disabled: true } },
    // Without its cache of blob sizes, so that a blob damaged by a test shows at once.
    storage: { filesystem: { rootdirectory: storage } },
    http: { addr: `127.0.0.1:${port}`, secret: 'test', ...http },
    ...rest,
  };
  const file = join(directory, 'config.yml');
  await writeFile(file, JSON.stringify(configuration));
  const server = spawn('docker-registry', ['serve', file], { stdio: ['ignore', 'ignore', 'pipe'] });
  onTestFinished(() => stop(server));
  const host = `127.0.0.1:${port}`;
  await listening(server, port);
  return {
    host,
    storage,
    blobFile: (digest) => {
      const hex = digest.replace('sha256:', '');
      return join(storage, 'docker/registry/v2/blobs/sha256', hex.slice(0, 2), hex, 'data');
    },
    push: async (layout, name, extra = []) => {
      await run('skopeo', ['copy', '--quiet', '--dest-tls-verify=false', ...extra, layout, `docker://${host}/${name}`]);
    },
    stop: () => stop(server),
  };
}

async function stop(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null) return;
  const exited = once(server, 'exit');
  server.kill('SIGKILL');
  await exited;
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as { port: number };
  probe.close();
  await once(probe, 'close');
  return port;
}

/** The registry does not say when it listens, so it is asked until it answers or ends. */
async function listening(server: ChildProcess, port: number): Promise<void> {
  let stderr = '';
  server.stderr?.on('data', (chunk) => {
    stderr = (stderr + chunk).slice(-4000);
  });
  for (;;) {
    if (server.exitCode !== null) throw new Error(`docker-registry ended: ${stderr}`);
    const { connect } = await import('node:net');
    const socket = connect(port, '127.0.0.1');
    const answered = await new Promise<boolean>((resolve) => {
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    });
    socket.destroy();
    if (answered) return;
    await new Promise((resolve) => setImmediate(resolve));
  }
}
