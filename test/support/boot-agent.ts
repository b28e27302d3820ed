import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, watch } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  encodeFrame,
  FRAME_HEADER_BYTES,
  type Frame,
  FrameDecoder,
  FrameType,
  type GuestChannel,
  LINK_ACK_BYTES,
} from '@boxlite/core';
import { shareDaemon } from '../../scripts/setup/share-daemon.mjs';
import { testKernel } from './test-kernel.js';

/** A machine to boot with QEMU, without supervisor and jail: for tests of what runs inside. */
export interface BootAgentOptions {
  /** ext4 image with the agent (or another init), becomes `/dev/vdb`, read-only. */
  readonly rootfs: string;
  /** ext4 image of the container, becomes `/dev/vda`. Written to. */
  readonly disk: string;
  /** Path of init within the rootfs. Default: the agent. */
  readonly init?: string;
  readonly memoryMib?: number;
  readonly vcpus?: number;
  /** Directories shared by Debian's virtiofsd, which needs root. */
  readonly shares?: readonly { readonly tag: string; readonly directory: string }[];
  /** Another kernel than libkrunfw's, for a microvm. */
  readonly kernel?: string;
  /** Another machine than a microvm of this architecture with libkrunfw's kernel. */
  readonly machine?: (parts: MachineParts) => { readonly program: string; readonly args: readonly string[] };
}

/** What a machine of {@link BootAgentOptions.machine} is made of. */
export interface MachineParts {
  readonly rootfs: string;
  readonly disk: string;
  /** Path of the socket that the port named `agent` connects to. */
  readonly agentSocket: string;
  readonly consoleFile: string;
}

/** A machine and the raw bytes of its link, for inits that speak something else than frames. */
export interface BootedMachine extends AsyncDisposable {
  /** Paused until somebody listens for data. */
  readonly link: Socket;
  /** Settles with QEMU's exit status. */
  readonly exited: Promise<number | null>;
  /** What the guest has written to its console so far. */
  consoleText(): Promise<string>;
}

/** The machine, and the link to its agent with the supervisor's part played by the test. */
export interface BootedAgent extends BootedMachine {
  /** The channel of one host process; each slot (1 to 65535) is another one. */
  channel(slot?: number): GuestChannel;
  /** Tells the agent that a host process is gone; resolves with the agent's echo. */
  slotGone(slot: number): Promise<void>;
  /** False: what arrives is not acknowledged any more, until it is set again. */
  acknowledging: boolean;
  /** Bytes of whole frames the agent has acknowledged. */
  readonly acknowledged: number;
  /** Frames as the supervisor sends them, such as SHUTDOWN; the stream is not translated. */
  send(frame: Partial<Frame> & { readonly type: number }): void;
}

/** Boots and resolves once the guest's end of the link is connected (not when the agent has spoken). */
export async function bootMachine(options: BootAgentOptions): Promise<BootedMachine> {
  const directory = await mkdtemp(join(tmpdir(), 'boxlite-vm-'));
  const consoleFile = join(directory, 'console.log');
  const socketPath = join(directory, 'agent.sock');
  const server = createServer();
  server.listen(socketPath);
  await once(server, 'listening');
  const shares = await Promise.all((options.shares ?? []).map((share) => serveShare(share, directory)));
  const { rootfs, disk, machine = await microvm(options) } = options;
  const { program, args } = machine({ rootfs, disk, agentSocket: socketPath, consoleFile });
  const qemu = spawn(program, [...args, ...shareArguments(options, shares)], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let complaints = '';
  qemu.stderr.on('data', (chunk: Buffer) => {
    complaints += chunk.toString();
  });
  const exited = once(qemu, 'exit').then(([status]) => status as number | null);
  const early = exited.then((status) => Promise.reject(new Error(`QEMU exited with ${status}: ${complaints}`)));
  early.catch(() => undefined); // only the race below cares; later exits are `exited`
  const [link] = (await Promise.race([once(server, 'connection'), early])) as [Socket];
  server.close();
  return {
    link,
    exited,
    consoleText: () => readFile(consoleFile, 'utf8'),
    async [Symbol.asyncDispose]() {
      link.destroy();
      qemu.kill('SIGKILL');
      await exited;
      for (const { daemon } of shares) daemon.kill('SIGKILL');
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** Boots a machine whose init is the agent; the hello may still be on its way. */
export async function bootAgent(options: BootAgentOptions): Promise<BootedAgent> {
  const machine = await bootMachine(options);
  return Object.assign(createRelay(machine.link), machine);
}

async function microvm(options: BootAgentOptions): Promise<NonNullable<BootAgentOptions['machine']>> {
  const home = join(tmpdir(), `boxlite-test-kernel-${process.getuid?.() ?? 0}`);
  const kernel = options.kernel ?? (await testKernel(home)).path;
  return ({ agentSocket, consoleFile }) => ({
    program: 'qemu-system-x86_64',
    args: qemuArguments(options, kernel, agentSocket, consoleFile),
  });
}

function qemuArguments(options: BootAgentOptions, kernel: string, socketPath: string, consoleFile: string): string[] {
  const init = options.init ?? '/boxlite/bin/boxlite-guest';
  return [
    ...['-M', 'microvm,acpi=off', '-accel', 'tcg,tb-size=64', '-cpu', 'EPYC', '-m', `${options.memoryMib ?? 128}M`],
    ...['-smp', String(options.vcpus ?? 1), '-nodefaults', '-no-reboot', '-display', 'none', '-kernel', kernel],
    ...['-append', `console=hvc0 root=/dev/vdb ro rootfstype=ext4 init=${init} reboot=t panic=-1 quiet`],
    ...['-global', 'virtio-mmio.force-legacy=false'],
    ...['-object', 'rng-random,id=rng,filename=/dev/urandom', '-device', 'virtio-rng-device,rng=rng'],
    // As the VMM does: newer versions give nothing back to the host without it.
    ...['-drive', `id=vda,file=${options.disk},format=raw,if=none,discard=unmap`],
    ...['-device', 'virtio-blk-device,drive=vda'],
    ...['-drive', `id=vdb,file=${options.rootfs},format=raw,if=none,readonly=on`],
    ...['-device', 'virtio-blk-device,drive=vdb', '-device', 'virtio-serial-device'],
    ...['-chardev', `file,id=console,path=${consoleFile}`, '-device', 'virtconsole,chardev=console'],
    ...['-chardev', `socket,id=agent,path=${socketPath}`, '-device', 'virtserialport,chardev=agent,name=agent'],
  ];
}

/** Starts the daemon of one share; it listens when the socket is there, and it ends with its machine. */
async function serveShare({ tag, directory: source }: { tag: string; directory: string }, directory: string) {
  const socket = join(directory, `${tag}.sock`);
  const options = ['-o', `source=${source}`, '-o', 'cache=auto', '-o', 'sandbox=chroot'];
  // `watch` of `node:fs/promises` would begin when it is first asked, and miss a daemon that is quick.
  const watcher = watch(directory);
  const daemon = spawn(shareDaemon(), [`--socket-path=${socket}`, ...options], { stdio: 'ignore' });
  while (!existsSync(socket)) await once(watcher, 'change');
  watcher.close();
  return { tag, socket, daemon };
}

function shareArguments(options: BootAgentOptions, shares: readonly { tag: string; socket: string }[]): string[] {
  if (shares.length === 0) return [];
  const memory = `memory-backend-memfd,id=mem,size=${options.memoryMib ?? 128}M,share=on`;
  return [
    ...['-object', memory, '-machine', 'memory-backend=mem'],
    ...shares.flatMap(({ tag, socket }) => [
      ...['-chardev', `socket,id=${tag},path=${socket}`],
      ...['-device', `vhost-user-fs-device,chardev=${tag},tag=${tag}`],
    ]),
  ];
}

/** What the supervisor does to frames: stream ids of a slot are translated, the hello is repeated to each, the link is acknowledged. */
export function createRelay(link: Socket): Omit<BootedAgent, keyof BootedMachine> {
  const decoder = new FrameDecoder();
  const listeners = new Map<number, (frame: Frame) => void>();
  const early = new Map<number, Frame[]>();
  const echoes = new Map<number, () => void>();
  const closeListeners: ((reason: Error) => void)[] = [];
  let hello: Frame | undefined;
  let closed: Error | undefined;
  let received = 0;
  let acknowledging = true;
  let acknowledged = 0;

  const acknowledge = () => {
    if (received < LINK_ACK_BYTES || closed !== undefined || !acknowledging) return;
    const payload = Buffer.alloc(4);
    payload.writeUInt32LE(received);
    received = 0;
    link.write(encodeFrame({ type: FrameType.LINK_ACK, payload }));
  };
  const deliver = (slot: number, frame: Frame) => {
    const listener = listeners.get(slot);
    if (listener !== undefined) listener(frame);
    else early.set(slot, [...(early.get(slot) ?? []), frame]);
  };
  link.on('data', (chunk) => {
    for (const frame of decoder.push(chunk)) {
      const slot = frame.stream >>> 16;
      if (frame.type === FrameType.HELLO) {
        hello = frame;
        for (const listener of listeners.values()) listener(frame);
        continue;
      }
      if (frame.type === FrameType.LINK_ACK) {
        acknowledged += Buffer.from(frame.payload).readUInt32LE();
        continue;
      }
      received += FRAME_HEADER_BYTES + frame.payload.length;
      acknowledge();
      if (frame.type === FrameType.SLOT_GONE) {
        echoes.get(slot)?.();
      } else {
        deliver(slot, { ...frame, stream: frame.stream & 0xffff });
      }
    }
  });
  link.on('error', () => undefined); // always followed by close
  link.on('close', () => {
    closed = new Error('the link has closed');
    for (const listener of closeListeners) listener(closed);
  });
  const send = (frame: Partial<Frame> & { readonly type: number }) => {
    if (closed !== undefined) throw closed;
    return link.write(encodeFrame(frame));
  };
  return {
    get acknowledging() {
      return acknowledging;
    },
    set acknowledging(on) {
      acknowledging = on;
      acknowledge();
    },
    get acknowledged() {
      return acknowledged;
    },
    send: (frame) => void send(frame),
    slotGone(slot) {
      const echoed = new Promise<void>((resolve) => echoes.set(slot, resolve));
      send({ type: FrameType.SLOT_GONE, stream: slot * 0x1_0000 });
      return echoed;
    },
    channel: (slot = 1) => ({
      async send(frame) {
        if (!send({ ...frame, stream: slot * 0x1_0000 + (frame.stream ?? 0) })) await once(link, 'drain');
      },
      onFrame(listener) {
        listeners.set(slot, listener);
        if (hello !== undefined) listener(hello);
        for (const frame of early.get(slot) ?? []) listener(frame);
        early.delete(slot);
      },
      onClose(listener) {
        if (closed !== undefined) listener(closed);
        else closeListeners.push(listener);
      },
    }),
  };
}
