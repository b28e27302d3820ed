import type { RunningVm, VmmHandler, VmmHost, VmmSnapshot, VmmSpec } from '../../contracts/vmm-handler.js';
import { BoxliteError } from '../../errors/boxlite-error.js';
import { deepFreeze } from '../deep-freeze.js';
import { ofSetup } from '../define-cases.js';
import { type Surroundings, surroundings } from '../surroundings.js';
import { assertNothingLeft } from './leftovers.js';
import type { TestMachineChange, VmmHandlerSetup, VmmTestMachine } from './test-machine.js';
import { type StartSteps, type WatchedHost, watchHost } from './watched-host.js';

/** How a case starts a machine. */
export interface StartOptions extends StartSteps {
  readonly handler?: VmmHandler;
  readonly machine?: VmmTestMachine;
  /** Members of the spec the case replaces. */
  readonly change?: (machine: VmmTestMachine) => Partial<VmmSpec>;
  readonly signal?: AbortSignal;
  /** Present: the machine does not boot, it goes on from here. */
  readonly from?: VmmSnapshot;
}

/** A start under way, and everything around it. */
export interface Start {
  readonly handler: VmmHandler;
  readonly machine: VmmTestMachine;
  readonly watched: WatchedHost;
  readonly before: Surroundings;
  readonly result: Promise<RunningVm>;
}

/** What a case of the suite works with; whatever it leaves running is ended afterwards, without the handler's help. */
export interface VmmBench {
  readonly setup: VmmHandlerSetup;
  createMachine(change?: TestMachineChange): Promise<VmmTestMachine>;
  begin(options?: StartOptions): Promise<Start>;
  /** As `begin`, with the running machine. */
  start(options?: StartOptions): Promise<Start & { readonly vm: RunningVm }>;
}

/** Runs a check on a bench of its own. */
export async function onBench(setup: VmmHandlerSetup, check: (bench: VmmBench) => Promise<void>): Promise<void> {
  const machines: VmmTestMachine[] = [];
  const starts: Start[] = [];
  let isOver = false;
  const createMachine = async (change?: TestMachineChange) => {
    const machine = await ofSetup(() => setup.createMachine(change));
    machines.push(machine);
    return machine;
  };
  const begin = async (options: StartOptions = {}): Promise<Start> => {
    if (isOver) throw new Error('the case is over');
    const { from } = options;
    const machine = options.machine ?? (await createMachine(from && { from }));
    const handler = options.handler ?? setup.createHandler();
    const watched = watchHost(machine.host, options);
    const before = surroundings();
    const spec = deepFreeze({ ...machine.spec, ...(from && { from }), ...options.change?.(machine) });
    const result =
      from === undefined
        ? handler.start(spec, watched.host, options.signal)
        : restore(handler, spec, watched.host, options.signal);
    // Whoever began it awaits it; a case that failed before must not bring the process down.
    result.catch(() => undefined);
    const start = { handler, machine, watched, before, result };
    starts.push(start);
    return start;
  };
  try {
    await check({
      setup,
      createMachine,
      begin,
      async start(options) {
        const start = await begin(options);
        return { ...start, vm: await start.result };
      },
    });
  } finally {
    isOver = true;
    for (const start of starts) await end(start);
    for (const machine of machines) await machine[Symbol.asyncDispose]();
  }
}

async function restore(
  handler: VmmHandler,
  spec: VmmSpec,
  host: VmmHost,
  signal: AbortSignal | undefined,
): Promise<RunningVm> {
  if (handler.restore === undefined) throw new TypeError('the handler has no restore');
  return handler.restore(spec, host, signal);
}

/** Asserts that a start throws, and that everything is as it was before. */
export async function assertStartFails(start: Start): Promise<BoxliteError> {
  const thrown = await start.result.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!BoxliteError.isInstance(thrown)) throw thrown ?? new TypeError('start resolved where it had to throw');
  await assertNothingLeft(start);
  return thrown;
}

async function end({ watched, machine }: Start): Promise<void> {
  for (const vm of watched.started) {
    try {
      await vm.kill();
    } catch (thrown) {
      // The handler has closed this connection; the machine may run on.
      if (!BoxliteError.isInstance(thrown)) throw thrown;
      await killAnew(machine);
    }
    await vm.close();
  }
  await machine.host.jail.release();
}

async function killAnew({ host }: VmmTestMachine): Promise<void> {
  try {
    const vm = await host.supervisor.connect(host.request.controlDir);
    await vm.kill();
    await vm.close();
  } catch (thrown) {
    // Nobody serves the box any more, as it should be.
    if (!BoxliteError.isInstance(thrown, 'agent_unavailable')) throw thrown;
  }
}
