import { readFile } from 'node:fs/promises';
import type { ConfinedCommand } from '../../contracts/sandbox.js';
import type { SupervisedVm, SuperviseRequest, Supervisor } from '../../contracts/supervisor.js';
import { BoxliteError } from '../../errors/boxlite-error.js';
import { errnoOf } from '../../errors/to-boxlite-error.js';
import { FrameType } from '../../wire/frame.js';
import { isRunning } from '../processes.js';
import { SLOWNESS } from '../slowness.js';
import { type Surroundings, surroundings } from '../surroundings.js';
import type { SupervisorSetup, SupervisorTestBox } from './test-box.js';

/** What a case of the suite works with: one box, ended and removed afterwards. */
export interface SupervisorBench {
  readonly supervisor: Supervisor;
  readonly box: SupervisorTestBox;
  readonly before: Surroundings;
  /** A VMM that is a shell script; `$0` is `sh`. */
  script(text: string): ConfinedCommand;
  launch(command: ConfinedCommand, changes?: Partial<SuperviseRequest>, signal?: AbortSignal): Promise<SupervisedVm>;
  connect(): Promise<SupervisedVm>;
  /** Resolves when the VMM has written a line that matches; the deadline of the case is the bound. */
  shown(line: RegExp): Promise<void>;
  /** The text of a file, empty when there is none. */
  read(path: string): Promise<string>;
}

/** A shell script on a busy machine, in milliseconds; nothing tells of a line in a file. */
const SHOWN_MS = 2_000 * SLOWNESS;
const LOOK_EVERY_MS = 10;

export async function onSupervisorBench(
  setup: SupervisorSetup,
  check: (bench: SupervisorBench) => Promise<void>,
): Promise<void> {
  const supervisor = setup.createSupervisor();
  const box = await setup.createBox();
  const held: SupervisedVm[] = [];
  const hold = (vm: SupervisedVm) => {
    held.push(vm);
    return vm;
  };
  try {
    await check({
      supervisor,
      box,
      before: surroundings(),
      script: (text) => ({
        binary: setup.shell ?? '/bin/sh',
        args: ['-c', text],
        env: { PATH: '/usr/bin:/bin' },
        pidReport: { kind: 'self' },
      }),
      launch: async (command, changes = {}, signal) =>
        hold(await supervisor.launch({ ...box.request, command, ...changes }, signal)),
      connect: async () => hold(await supervisor.connect(box.request.controlDir)),
      read: (path) => readIfThere(path),
      async shown(line) {
        const until = performance.now() + SHOWN_MS;
        while (!line.test(await readIfThere(box.request.consoleFile)) && performance.now() < until) {
          await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
        }
      },
    });
  } finally {
    for (const vm of held) await end(vm);
    await box[Symbol.asyncDispose]();
  }
}

/** Resolves when the agent has said hello. */
export async function hello(vm: SupervisedVm): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    vm.channel.onFrame(({ type }) => {
      if (type === FrameType.HELLO) resolve();
    });
    vm.channel.onClose(reject);
  });
}

async function end(vm: SupervisedVm): Promise<void> {
  // Not by way of the connection, which may be a mutant's or closed.
  if (isRunning(vm.welcome.supervisor)) process.kill(vm.welcome.supervisor.pid, 'SIGQUIT');
  try {
    await vm.close();
  } catch (thrown) {
    // A connection may be closed only once for all this suite knows; what counts is that the box has ended.
    if (!BoxliteError.isInstance(thrown)) throw thrown;
  }
}

async function readIfThere(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (thrown) {
    if (errnoOf(thrown) === 'ENOENT') return '';
    throw thrown;
  }
}
