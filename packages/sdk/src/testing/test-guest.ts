import { access, readFile } from 'node:fs/promises';
import { BoxliteError, type SupervisedVm } from '@boxlite/core';
import type { TestGuest } from '@boxlite/core/testing';
import type { AgentClient } from '@boxlite/guest-agent';

/** Where the program lies in the container. */
const PROGRAM = 'busybox';
/** In memory, in every container. */
const KEPT = '/dev/shm/kept';
const SECTOR_BYTES = 512;

/** What the suite of a VMM does inside its guests, by a program put on the container's disk. */
export interface GuestProgram {
  readonly guest: TestGuest;
  /** For the container's disk. */
  layer(): Promise<AsyncIterable<Uint8Array>>;
}

/** @param busybox a static one of this machine's; undefined when there is none */
export async function guestProgram(busybox: string): Promise<GuestProgram | undefined> {
  try {
    await access(busybox);
  } catch {
    // Only handlers that restore need it, and their cases say what they miss.
    return undefined;
  }
  return {
    guest: {
      keep: async (vm, text) => void (await inGuest(vm, ['sh', '-c', `printf %s "$1" > ${KEPT}`, 'sh', text])),
      kept: (vm) => inGuest(vm, ['sh', '-c', `if test -e ${KEPT}; then /${PROGRAM} cat ${KEPT}; fi`]),
      diskBytes: async (vm) => SECTOR_BYTES * Number(await inGuest(vm, ['cat', '/sys/class/block/vda/size'])),
    },
    async layer() {
      const { tarLayer } = await import('@boxlite/rootfs');
      return tarLayer([{ name: PROGRAM, type: 'file', mode: 0o755, content: await readFile(busybox) }]);
    },
  };
}

/** Runs the program in the container, which is made if need be, and gives what it prints. */
async function inGuest(vm: SupervisedVm, args: readonly string[]): Promise<string> {
  const { createAgentClient } = await import('@boxlite/guest-agent');
  try {
    const agent = createAgentClient(vm.channel);
    await initialized(agent);
    return await run(agent, [`/${PROGRAM}`, ...args]);
  } finally {
    await vm.close();
  }
}

/** Of what the supervisor repeats of the agent's hello, only that it was initialized then is sure. */
async function initialized(agent: AgentClient): Promise<void> {
  if ((await agent.hello).initialized) return;
  try {
    await agent.init({ hostname: 'test' });
  } catch (thrown) {
    if (!BoxliteError.isInstance(thrown, 'invalid_state')) throw thrown;
  }
}

async function run(agent: AgentClient, argv: readonly string[]): Promise<string> {
  const command = await agent.exec({ argv });
  const [stdout, stderr] = await Promise.all([textOf(command.stdout), textOf(command.stderr)]);
  const { exitCode } = await command.wait();
  if (exitCode !== 0) throw new Error(`${argv.join(' ')} ended with ${exitCode}: ${stderr}`);
  return stdout;
}

async function textOf(stream: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}
