import { execFileSync } from 'node:child_process';
import { closeSync, constants, mkdirSync, openSync, readSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { EscapeJob } from './job.js';
import type { Leaks } from './launch.js';
import { callPort, freePort, type Listener, listenOnPath, listenOnTcp, listenOnUdp } from './listeners.js';
import { Victim } from './victim.js';
import type { Outside } from './witnesses.js';
import type { World } from './world.js';

const FIRST_READ_BYTES = 4096;

/** Sets up everything that watches the hostile program, and tells it where that is. */
export async function watchOutside(
  world: World,
  job: EscapeJob,
  startedBy: 'supervisor' | 'harness',
): Promise<{ outside: Outside; leaks: Leaks; close(): Promise<void> }> {
  const { parameters, secret, root } = world;
  const set = (key: string, value: string | number | undefined) => parameters.set(key, String(value ?? '-'));
  const working = join(root, 'victim');
  mkdirSync(working, { mode: 0o700 });
  writeFileSync(join(working, 'secret'), `${secret}\n`, { mode: 0o600 });
  const victim = new Victim(join(job.programsDir, 'victim'), working, { SECRET: secret });
  const [pid, secretAt, bufferAt, descriptor, terminal = '-'] = await victim.ask(`secret ${secret}`);
  set('victim', pid);
  set('victim-secret', secretAt);
  set('victim-buffer', bufferAt);
  set('victim-fd', descriptor);
  const name = `boxlite-escape-${process.pid}-${secret.slice(-6)}`;
  await victim.ask(`listen ${name}`);
  set('abstract-socket', `${name}-stream`);
  set('abstract-datagram', `${name}-datagram`);
  await victim.ask(`key ${name} ${secret}`);
  set('key-name', name);
  const [handle, type] = await victim.ask(`handle ${parameters.get('ssh-key')}`);
  set('handle', handle);
  set('handle-type', type);
  set('listener-fd', 10);

  const onPath = (key: string) => listenOnPath(parameters.get(key) ?? '');
  const [bus, engine, otherAgent, otherApi, tcp, tcp6, udp] = await Promise.all([
    onPath('bus-socket'),
    onPath('engine-socket'),
    onPath('other-agent-socket'),
    onPath('other-api-socket'),
    listenOnTcp('0.0.0.0'),
    listenOnTcp('::1'),
    listenOnUdp(),
  ]);
  const served = callPort(await freePort());
  // The supervisor makes both itself.
  const ownApi = startedBy === 'harness' ? await onPath('own-api-socket') : undefined;
  if (startedBy === 'harness') writeFileSync(world.box.pidFile, `${process.pid}\n`, { mode: 0o600 });
  set('tcp-port', tcp.port);
  set('tcp6-port', tcp6.port);
  set('udp-port', udp.port);
  set('port-to-serve', served.port);
  const pipe = leakedPipe(join(root, 'pipe'));
  const all: Listener[] = [
    bus,
    engine,
    otherAgent,
    otherApi,
    tcp,
    tcp6,
    udp,
    served,
    ...(ownApi === undefined ? [] : [ownApi]),
  ];
  return {
    outside: {
      world,
      victim,
      listeners: { bus, engine, otherAgent, otherApi, tcp, tcp6, udp, served, pipe, ...(ownApi && { ownApi }) },
    },
    leaks: {
      file: parameters.get('leaked-file') ?? '',
      directory: join(root, 'user'),
      pipe: join(root, 'pipe'),
      terminal,
    },
    async close() {
      pipe.close();
      await Promise.all(all.map((listener) => listener.close()));
      await victim.end();
    },
  };
}

/** A pipe with a name, kept open so that what is written stays in it. */
function leakedPipe(path: string): { received(): string; close(): void } {
  execFileSync('mkfifo', ['-m', '600', path]);
  const fd = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  let text = '';
  return {
    received() {
      const buffer = Buffer.alloc(FIRST_READ_BYTES);
      try {
        text += buffer.subarray(0, readSync(fd, buffer)).toString();
      } catch (thrown) {
        // EAGAIN: nothing in it.
        if ((thrown as NodeJS.ErrnoException).code !== 'EAGAIN') throw thrown;
      }
      return text;
    },
    close: () => closeSync(fd),
  };
}
