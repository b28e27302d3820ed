import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { FrameType } from '@boxlite/core';
import { createLibkrunfwKernelSource } from '@boxlite/guest-kernel';
import { type BootedAgent, createRelay } from './boot-agent.js';

/** A microvm with the agent that can be captured, without supervisor, jail and VMM handler: for tests of what runs inside. */
export interface CapturableOptions {
  /** ext4 image with the agent, becomes `/dev/vdb`. */
  readonly rootfs: string;
  /** ext4 image of the container, becomes `/dev/vda`. */
  readonly disk: string;
  /** Default: libkrunfw's. */
  readonly kernel?: string;
  readonly memoryMib?: number;
}

/** Memory and device state in two files of a directory, which is the test's to remove. */
export interface Capture {
  readonly options: CapturableOptions;
  readonly memory: string;
  readonly state: string;
}

/** Its process is known, so that what it costs can be measured. */
export interface ContinuedAgent extends BootedAgent {
  readonly pid: number;
}

export interface CapturableAgent extends ContinuedAgent {
  /** Gives its container disk, a file that is as long already, another size. */
  resizeDisk(bytes: number): Promise<void>;
  /** Stops the machine for good and leaves what it was. */
  capture(): Promise<Capture>;
}

/** @param directory where its memory is, and where `capture` puts the rest */
export async function bootCapturable(options: CapturableOptions, directory: string): Promise<CapturableAgent> {
  const memory = join(directory, 'memory');
  const machine = await startQemu(options, { memory, shared: true });
  await machine.qmp.execute('cont');
  const agent = await connectAgent(machine);
  return Object.assign(agent, {
    async resizeDisk(bytes: number): Promise<void> {
      await machine.qmp.execute('block_resize', { device: 'vda', size: bytes });
    },
    async capture(): Promise<Capture> {
      const state = join(directory, 'state');
      await machine.qmp.execute('stop');
      await machine.qmp.execute('migrate-set-capabilities', IGNORE_SHARED);
      await machine.qmp.execute('migrate', { uri: `exec:cat > ${state}` });
      await migrated(machine.qmp);
      await agent[Symbol.asyncDispose]();
      return { options, memory, state };
    },
  });
}

/** Another machine that goes on from there. What it writes to its disk is its own, and is lost with it. The agent's hello on the new link may still be on its way. */
export async function continueAgent(capture: Capture): Promise<ContinuedAgent> {
  const machine = await startQemu(capture.options, { memory: capture.memory, shared: false });
  await machine.qmp.execute('migrate-set-capabilities', IGNORE_SHARED);
  await machine.qmp.execute('migrate-incoming', { uri: `exec:cat ${capture.state}` });
  await migrated(machine.qmp);
  await machine.qmp.execute('cont');
  return connectAgent(machine);
}

const IGNORE_SHARED = { capabilities: [{ capability: 'x-ignore-shared', state: true }] };

interface Machine {
  readonly qemu: ChildProcess;
  readonly qmp: Qmp;
  readonly directory: string;
  readonly exited: Promise<number | null>;
}

/** Gives the agent's port, which nobody has held so far, a host end. */
async function connectAgent({ qemu, qmp, directory, exited }: Machine): Promise<ContinuedAgent> {
  const path = join(directory, 'agent.sock');
  const server = createServer();
  server.listen(path);
  await once(server, 'listening');
  const connected = once(server, 'connection');
  const addr = { type: 'unix', data: { path } };
  const backend = { type: 'socket', data: { addr, server: false } };
  await qmp.execute('chardev-change', { id: 'agent', backend });
  const [link] = (await connected) as [Socket];
  server.close();
  const relay = createRelay(link);
  // As a supervisor begins.
  relay.send({ type: FrameType.HELLO });
  return Object.assign(relay, {
    link,
    pid: qemu.pid as number,
    exited,
    consoleText: () => readFile(join(directory, 'console.log'), 'utf8'),
    async [Symbol.asyncDispose]() {
      link.destroy();
      qemu.kill('SIGKILL');
      await exited;
      await rm(directory, { recursive: true, force: true });
    },
  });
}

async function startQemu(
  options: CapturableOptions,
  { memory, shared }: { readonly memory: string; readonly shared: boolean },
): Promise<Machine> {
  const directory = await mkdtemp(join(tmpdir(), 'boxlite-vm-'));
  const home = join(tmpdir(), `boxlite-test-kernel-${process.getuid?.() ?? 0}`);
  const kernel = options.kernel ?? (await createLibkrunfwKernelSource({ home }).kernel()).path;
  const qmpPath = join(directory, 'qmp.sock');
  const server = createServer();
  server.listen(qmpPath);
  await once(server, 'listening');
  const megabytes = `${options.memoryMib ?? 128}M`;
  const qemu = spawn(
    'qemu-system-x86_64',
    [
      ...['-S', '-accel', 'tcg,tb-size=64', '-cpu', 'EPYC', '-m', megabytes, '-smp', '1', '-nodefaults', '-no-reboot'],
      ...['-object', `memory-backend-file,id=mem,size=${megabytes},mem-path=${memory},share=${shared ? 'on' : 'off'}`],
      ...['-M', 'microvm,acpi=off,memory-backend=mem', '-display', 'none', '-kernel', kernel, '-append'],
      'console=hvc0 root=/dev/vdb ro rootfstype=ext4 init=/boxlite/bin/boxlite-guest reboot=t panic=-1 quiet',
      ...['-global', 'virtio-mmio.force-legacy=false'],
      ...['-object', 'rng-random,id=rng,filename=/dev/urandom', '-device', 'virtio-rng-device,rng=rng'],
      ...[
        '-drive',
        `id=vda,file=${options.disk},format=raw,if=none,snapshot=${shared ? 'off' : 'on'}`,
        '-device',
        'virtio-blk-device,drive=vda',
      ],
      ...['-drive', `id=vdb,file=${options.rootfs},format=raw,if=none,readonly=on`],
      ...['-device', 'virtio-blk-device,drive=vdb', '-device', 'virtio-serial-device'],
      ...[
        '-chardev',
        `file,id=console,path=${join(directory, 'console.log')}`,
        '-device',
        'virtconsole,chardev=console',
      ],
      ...['-chardev', 'null,id=agent', '-device', 'virtserialport,chardev=agent,name=agent'],
      ...['-qmp', `unix:${qmpPath}`],
      ...(shared ? [] : ['-incoming', 'defer']),
    ],
    { stdio: ['ignore', 'ignore', 'inherit'] },
  );
  const exited = once(qemu, 'exit').then(([status]) => status as number | null);
  const early = exited.then((status) => Promise.reject(new Error(`QEMU exited with ${status}`)));
  early.catch(() => undefined); // only the race below cares
  const [socket] = (await Promise.race([once(server, 'connection'), early])) as [Socket];
  server.close();
  const qmp = new Qmp(socket);
  await qmp.execute('qmp_capabilities');
  return { qemu, qmp, directory, exited };
}

/** Until the migration under way, in or out, is over. */
async function migrated(qmp: Qmp): Promise<void> {
  for (;;) {
    const { status } = (await qmp.execute('query-migrate')) as { readonly status?: string };
    if (status === 'completed') return;
    if (status === 'failed') throw new Error('the migration failed');
  }
}

interface Message {
  readonly return?: unknown;
  readonly error?: { readonly desc: string };
}

/** QEMU's monitor: one command at a time. */
class Qmp {
  readonly #socket: Socket;
  #answer: (message: Message) => void = () => undefined;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('error', () => undefined); // QEMU is killed at the end of every test
    socket.on('close', () => this.#answer({ error: { desc: 'QEMU has ended' } }));
    createInterface(socket)
      .on('error', () => undefined) // the socket's, which it repeats
      .on('line', (line) => {
        const message = JSON.parse(line) as Message;
        if (message.return !== undefined || message.error !== undefined) this.#answer(message);
      });
  }

  async execute(command: string, parameters: object = {}): Promise<unknown> {
    const answered = new Promise<Message>((resolve) => {
      this.#answer = resolve;
    });
    this.#socket.write(`${JSON.stringify({ execute: command, arguments: parameters })}\n`);
    const { return: value, error } = await answered;
    if (error !== undefined) throw new Error(`${command}: ${error.desc}`);
    return value;
  }
}
