import type { ConfinedCommand, JailLayer } from '@boxlite/core';
import { BPF_INSTRUCTION_BYTES } from './bpf.js';
import { filterArchitecture } from './filter-architecture.js';
import { compilePolicy } from './policy/compile-policy.js';
import { NETWORK_SWITCH, parsePolicy } from './policy/parse-policy.js';
import { seccompFilter } from './seccomp-filter.js';
import { type FilterArchitecture, syscallNames, syscallNumber } from './syscall-numbers.js';

/** The descriptor of the unix socket on which stage B hands the listener of a diagnosis run to the supervisor. */
export const SYSCALL_REPORT_FD = 127;

export interface JailFilterRequest {
  readonly mode: 'enforce' | 'diagnose' | 'off';
  readonly networkEnabled: boolean;
  /** The VMM's policy; absent: the deny-list for any program. */
  readonly policy?: string;
  /** Switches of the policy that are on besides `network`. */
  readonly switches?: readonly string[];
  /** Default: this machine's. */
  readonly architecture?: FilterArchitecture;
}

/** The filter of a jail, and what is told of it. */
export interface JailFilter {
  /** Absent: none. */
  readonly program?: Uint8Array;
  /** Present: a call that is refused is reported before the VMM is killed. */
  readonly report?: NonNullable<ConfinedCommand['syscallReport']>;
  readonly layer: JailLayer;
  readonly degradations: readonly string[];
}

/** Filters of this process by what they were made from: compiling takes milliseconds, and every box on one VMM has the same. */
const made = new Map<string, JailFilter>();
/** A process that makes more different ones compiles them again. */
const KEPT = 16;

/**
 * Chooses and compiles the filter of a jail.
 * @throws BoxliteError `invalid_argument` for a policy that is none, naming its line; `unsupported` for an architecture without a table
 */
export function jailFilter(request: JailFilterRequest): JailFilter {
  const { mode, networkEnabled, policy, switches, architecture } = request;
  const key = JSON.stringify([mode, networkEnabled, policy, switches, architecture]);
  const known = made.get(key);
  if (known !== undefined) return known;
  const filter = makeFilter(request);
  if (made.size >= KEPT) made.clear();
  made.set(key, filter);
  return filter;
}

function makeFilter(request: JailFilterRequest): JailFilter {
  const name = 'seccomp';
  if (request.mode === 'off') {
    return { layer: { name, state: 'inactive', detail: 'switched off' }, degradations: [] };
  }
  const architecture = request.architecture ?? filterArchitecture();
  const { networkEnabled } = request;
  const diagnoses = request.mode === 'diagnose';
  if (request.policy === undefined) {
    const program = seccompFilter({ networkEnabled, architecture });
    const detail = `deny-list of ${program.length / BPF_INSTRUCTION_BYTES} instructions: the VMM brought no policy`;
    const without = ["seccomp: 'diagnose' names no call: the VMM brought no policy, and the deny-list kills nothing"];
    return {
      program,
      layer: { name, state: 'partial', detail },
      degradations: diagnoses ? without : [],
    };
  }
  const policy = parsePolicy(request.policy);
  const { program, instructions, calls } = compilePolicy(policy, {
    architecture,
    switches: [...(networkEnabled ? [NETWORK_SWITCH] : []), ...(request.switches ?? [])],
    refused: diagnoses ? 'notify' : 'kill',
    ...(diagnoses ? { handOverFd: SYSCALL_REPORT_FD } : {}),
  });
  const how = diagnoses ? ', the first refused call is named' : '';
  const detail = `allow-list ${policy.name}: ${calls} calls, ${instructions} instructions${how}`;
  const report = { fd: SYSCALL_REPORT_FD, names: numberedNames(architecture) };
  return { program, ...(diagnoses ? { report } : {}), layer: { name, state: 'active', detail }, degradations: [] };
}

function numberedNames(architecture: FilterArchitecture): ReadonlyMap<number, string> {
  return new Map(syscallNames(architecture).map((name) => [syscallNumber(name, architecture) ?? -1, name]));
}
