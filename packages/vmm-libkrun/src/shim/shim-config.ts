import { BoxliteError, type VmmSpec } from '@boxlite/core';
import { KERNEL_PARAMETERS } from '../machine/kernel-parameters.js';
import { AGENT_VSOCK_PORT } from '../machine/machine-limits.js';

/** The bound of the shim (`CONFIG_MAX_BYTES` in native/shim/config.h). */
export const SHIM_CONFIG_MAX_BYTES = 65_536;

/** How much libkrun says of itself on the VMM's stderr. */
export type LibkrunLogLevel = 'off' | 'error' | 'warn' | 'info' | 'debug';

/** What the shim is told besides the spec. */
export interface ShimSettings {
  /** libkrun as the shim sees it. */
  readonly library: string;
  readonly logLevel: LibkrunLogLevel;
  readonly tsi: boolean;
}

/**
 * The document the shim reads from its stdin (native/shim/config.c). Pure. Every member is there: the shim refuses one that is missing, unknown, or of
 * the wrong type.
 * @throws BoxliteError `invalid_argument` when it is larger than {@link SHIM_CONFIG_MAX_BYTES}
 */
export function shimConfig(spec: VmmSpec, { library, logLevel, tsi }: ShimSettings): Uint8Array {
  const document = Buffer.from(
    JSON.stringify({
      version: 1,
      library,
      logLevel,
      vcpus: spec.vcpus,
      memoryMib: spec.memoryMib,
      kernel: spec.kernel,
      commandLine: [...KERNEL_PARAMETERS, ...spec.commandLine].join(' '),
      disks: spec.disks.map(({ path, format, readOnly }) => ({ path, format, readOnly })),
      shares: spec.shares.map(({ tag, hostPath, readOnly, hostEnforced }) => ({
        tag,
        path: hostPath,
        readOnly,
        hostEnforced: hostEnforced === true,
      })),
      nics: spec.nics.map(({ socketPath, macAddress }) => ({ socket: socketPath, mac: macAddress })),
      agent: { port: AGENT_VSOCK_PORT, socket: spec.agentSocket },
      tsi,
    }),
  );
  if (document.length > SHIM_CONFIG_MAX_BYTES) {
    throw new BoxliteError('invalid_argument', `what box ${spec.boxId} is made of takes ${document.length} bytes`, {
      hint: `use shorter paths: ${SHIM_CONFIG_MAX_BYTES} bytes is the most the VMM accepts`,
      details: { field: 'spec' },
    });
  }
  return document;
}
