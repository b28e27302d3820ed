import type { LibkrunLibrary } from '../library/libkrun-library.js';

/** What every machine needs, and what would be lost without. */
const ALWAYS: Readonly<Record<string, string>> = {
  krun_create_ctx: 'machines at all',
  krun_set_vm_config: 'processors and memory',
  krun_set_kernel: 'booting a kernel directly',
  krun_disable_implicit_vsock: "a machine without libkrun's own network over sockets",
  krun_add_vsock: "a machine without libkrun's own network over sockets",
  krun_add_vsock_port2: 'the link to the guest agent',
  krun_set_console_output: "the guest's console",
  krun_start_enter: 'starting machines',
};

/** Names a library for people. */
export function nameOfLibkrun({ path, version }: LibkrunLibrary): string {
  return `libkrun ${version ?? 'of unknown version'} (${path})`;
}

/**
 * The first function no machine can do without and this library lacks.
 * @param extra functions the caller needs besides, with what they serve
 */
export function missingFunction(
  library: LibkrunLibrary,
  extra: Readonly<Record<string, string>> = {},
): { readonly symbol: string; readonly purpose: string } | undefined {
  for (const [symbol, purpose] of Object.entries({ ...ALWAYS, ...extra })) {
    if (!library.symbols.has(symbol)) return { symbol, purpose };
  }
  return undefined;
}
