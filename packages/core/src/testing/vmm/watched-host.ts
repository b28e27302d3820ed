import type { ConfinedCommand } from '../../contracts/sandbox.js';
import type { SupervisedVm, SuperviseRequest } from '../../contracts/supervisor.js';
import type { VmmHost } from '../../contracts/vmm-handler.js';

/** What a case does at a step of a start. */
export interface StartSteps {
  /** The jail is prepared, `prepare` has not returned yet. */
  prepared?(): void;
  /** The VMM runs, `launch` has not returned yet. */
  launched?(vm: SupervisedVm): void;
}

/** A host, and what a handler asked of it. */
export interface WatchedHost {
  readonly host: VmmHost;
  readonly calls: string[];
  readonly commands: ConfinedCommand[];
  readonly requests: SuperviseRequest[];
  readonly started: SupervisedVm[];
  /** How the supervisor was asked to end the machines, in order: `stop 10000`, `kill`. */
  readonly orders: string[];
  readonly isPrepared: boolean;
}

export function watchHost({ jail, supervisor, request, listenerPath }: VmmHost, steps: StartSteps = {}): WatchedHost {
  const calls: string[] = [];
  const commands: ConfinedCommand[] = [];
  const requests: SuperviseRequest[] = [];
  const started: SupervisedVm[] = [];
  const orders: string[] = [];
  let isPrepared = false;
  return {
    calls,
    commands,
    requests,
    started,
    orders,
    get isPrepared() {
      return isPrepared;
    },
    host: {
      request,
      listenerPath,
      jail: {
        name: jail.name,
        command(inner) {
          calls.push('command');
          const confined = jail.command(inner);
          commands.push(confined);
          return confined;
        },
        async prepare() {
          calls.push('prepare');
          const given = await jail.prepare();
          isPrepared = true;
          steps.prepared?.();
          return given;
        },
        async release() {
          calls.push('release');
          await jail.release();
          isPrepared = false;
        },
      },
      supervisor: {
        async launch(what, signal) {
          calls.push('launch');
          requests.push(what);
          const vm = await supervisor.launch(what, signal);
          started.push(vm);
          steps.launched?.(vm);
          return watchOrders(vm, orders);
        },
        connect: (controlDir, signal) => supervisor.connect(controlDir, signal),
      },
    },
  };
}

function watchOrders(vm: SupervisedVm, orders: string[]): SupervisedVm {
  return {
    welcome: vm.welcome,
    channel: vm.channel,
    async stop(graceMs) {
      orders.push(`stop ${graceMs}`);
      return vm.stop(graceMs);
    },
    async kill() {
      orders.push('kill');
      return vm.kill();
    },
    wait: () => vm.wait(),
    close: () => vm.close(),
    [Symbol.asyncDispose]: () => vm.close(),
  };
}
