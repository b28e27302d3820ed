import type { VmmSpec } from '../../contracts/vmm-handler.js';

/** A guest whose kernel finds no init and panics. */
export function withoutInit({ commandLine }: VmmSpec): Partial<VmmSpec> {
  return { commandLine: [...without(commandLine, 'init='), 'init=/no/such/init'] };
}

/** A guest whose kernel waits for its root for ever: it runs, and no agent ever speaks (kernel-parameters: `rootwait`). */
export function neverSaysHello({ commandLine }: VmmSpec): Partial<VmmSpec> {
  return { commandLine: [...without(commandLine, 'root='), 'root=/dev/vdz', 'rootwait'] };
}

function without(commandLine: readonly string[], prefix: string): readonly string[] {
  return commandLine.filter((parameter) => !parameter.startsWith(prefix));
}
