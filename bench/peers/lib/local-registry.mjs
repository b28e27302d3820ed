import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as after } from 'node:timers/promises';

const ANSWER_TIMEOUT_MS = 60_000;

/**
 * A real registry on a loopback port of its own.
 * @param options.storage directory of its blobs, filled or to be filled
 * @param options.directory where its configuration is written
 * @returns `host` as `127.0.0.1:<port>`, and `stop`
 */
export async function startRegistry({ storage, directory }) {
  const port = await freePort();
  const configuration = {
    version: 0.1,
    log: { level: 'error', accesslog: { disabled: true } },
    storage: { filesystem: { rootdirectory: storage } },
    http: { addr: `127.0.0.1:${port}`, secret: 'bench' },
  };
  const file = join(directory, 'registry.yml');
  await writeFile(file, JSON.stringify(configuration)); // YAML, of which JSON is a part
  const server = spawn('docker-registry', ['serve', file], { stdio: 'ignore' });
  const ended = once(server, 'exit');
  const stop = async () => {
    server.kill('SIGKILL');
    await ended;
  };
  try {
    await answering(server, port);
  } catch (thrown) {
    await stop();
    throw thrown;
  }
  return { host: `127.0.0.1:${port}`, stop };
}

async function freePort() {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address();
  probe.close();
  await once(probe, 'close');
  return port;
}

/** The registry does not say when it listens, so it is asked until it answers or ends. */
async function answering(server, port) {
  const deadline = performance.now() + ANSWER_TIMEOUT_MS;
  while (performance.now() < deadline) {
    if (server.exitCode !== null) throw new Error(`docker-registry ended with status ${server.exitCode}`);
    const socket = connect(port, '127.0.0.1');
    const answered = await new Promise((resolve) => {
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    });
    socket.destroy();
    if (answered) return;
    await after(50);
  }
  throw new Error(`docker-registry does not answer at port ${port}`);
}
