import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type AgentClient,
  createAgentClient,
  type ExecOptions,
  type ExecResult,
  type GuestExecution,
  type InitOptions,
} from '@boxlite/guest-agent';
import { type BootAgentOptions, type BootedAgent, bootAgent } from '../../../../test/support/boot-agent.js';
import { makeBusyboxDisk, makeGuestRootfs } from './disks.js';
import { guestMachine } from './guest-machine.js';
import { buildNative } from './native-build.js';
import { text } from './text.js';

/** What a command left behind. */
export interface Finished extends ExecResult {
  readonly stdout: string;
  readonly stderr: string;
}

/** A machine with the agent and a busybox container. */
export interface Box extends AsyncDisposable {
  readonly vm: BootedAgent;
  readonly client: AgentClient;
  /** The container's disk image, for a look from outside once the machine is gone. */
  readonly disk: string;
  /** Runs a command to its end. */
  run(argv: readonly string[], options?: Omit<ExecOptions, 'argv'>): Promise<Finished>;
  /** Runs a line of shell to its end. */
  sh(line: string, options?: Omit<ExecOptions, 'argv'>): Promise<Finished>;
}

export interface BoxOptions {
  /** `null`: no init. */
  readonly init?: Partial<InitOptions> | null;
  readonly decorate?: (root: string) => Promise<void>;
  readonly vcpus?: number;
  readonly shares?: BootAgentOptions['shares'];
}

export async function bootBox(options: BoxOptions = {}): Promise<Box> {
  await buildNative(...guestMachine.make);
  const directory = await mkdtemp(join(tmpdir(), 'boxlite-agent-'));
  const rootfs = join(directory, 'rootfs.ext4');
  const disk = join(directory, 'disk.ext4');
  await makeGuestRootfs(join(directory, 'rootfs'), rootfs, { 'boxlite-guest': guestMachine.agent() });
  await makeBusyboxDisk(join(directory, 'disk'), disk, {
    async decorate(root) {
      await guestMachine.furnish(root);
      await options.decorate?.(root);
    },
  });
  const vm = await bootAgent({
    rootfs,
    disk,
    ...guestMachine.boot(directory),
    ...(options.vcpus === undefined ? {} : { vcpus: options.vcpus }),
    ...(options.shares === undefined ? {} : { shares: options.shares }),
  });
  const client = createAgentClient(vm.channel());
  const run: Box['run'] = async (argv, extra) => finish(await client.exec({ argv, ...extra }));
  const box: Box = {
    vm,
    client,
    disk,
    run,
    sh: (line, extra) => run(['sh', '-c', line], extra),
    async [Symbol.asyncDispose]() {
      await vm[Symbol.asyncDispose]();
      await rm(directory, { recursive: true, force: true });
    },
  };
  try {
    if (options.init !== null) await client.init({ hostname: 'testbox', ...options.init });
  } catch (thrown) {
    await box[Symbol.asyncDispose]();
    throw thrown;
  }
  return box;
}

/** Collects both streams side by side and waits. */
export async function finish(execution: GuestExecution): Promise<Finished> {
  const [stdout, stderr, result] = await Promise.all([
    text(execution.stdout),
    text(execution.stderr),
    execution.wait(),
  ]);
  return { ...result, stdout, stderr };
}
