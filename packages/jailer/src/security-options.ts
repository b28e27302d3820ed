import { BoxliteError, type ResourceLimits } from '@boxlite/core';

/** What confines a box's VMM, complete. Made by {@link resolveSecurityOptions}, so that no caller fills in a default of its own. */
export interface SecurityOptions {
  /** False runs the VMM without any sandbox. */
  readonly jailerEnabled: boolean;
  /** Runs the VMM bare, with a warning, where the wanted sandbox is not available; false refuses. */
  readonly allowUnconfined: boolean;
  /** The deny-list filter of stage B. Without effect when the jailer is off. */
  readonly seccompEnabled: boolean;
  /** False takes every network but unix sockets away. */
  readonly networkEnabled: boolean;
  /** The ids the VMM sees itself as. */
  readonly uid: number;
  readonly gid: number;
  readonly resourceLimits: ResourceLimits;
  /** macOS: absolute path of an SBPL profile used instead of the generated one. */
  readonly sandboxProfile?: string;
}

/** The options a person gives; every absent one takes the default, so a partial object is never weaker than none. */
export interface SecurityOptionsInput {
  readonly jailerEnabled?: boolean | undefined;
  readonly allowUnconfined?: boolean | undefined;
  readonly seccompEnabled?: boolean | undefined;
  readonly networkEnabled?: boolean | undefined;
  /** Accepted for compatibility. Inherited descriptors are always closed; `false` has no effect and earns a warning. */
  readonly closeFds?: boolean | undefined;
  readonly uid?: number | undefined;
  readonly gid?: number | undefined;
  readonly maxOpenFiles?: number | undefined;
  /** Bytes. */
  readonly maxFileSize?: number | undefined;
  readonly maxProcesses?: number | undefined;
  /** Bytes. */
  readonly maxMemory?: number | undefined;
  /** Seconds of CPU time. */
  readonly maxCpuTime?: number | undefined;
  readonly sandboxProfile?: string | undefined;
}

/** "nobody" of every common distribution, and the kernel's overflow id. */
export const NOBODY_ID = 65534;

/** The limits of a box that asked for none (reference 6.7). File size is derived anew from the disk by the caller. */
export const DEFAULT_RESOURCE_LIMITS: ResourceLimits = {
  maxOpenFiles: 1024,
  maxFileSize: 1024 ** 3,
  maxProcesses: 1024,
};

type Kind = 'boolean' | 'integer' | 'path';

/**
 * Every public option name, what it takes, and where its value ends up: the one mapping between the public surface and
 * {@link SecurityOptions}. `inertOn` lists platforms where it changes nothing.
 */
export const SECURITY_OPTION_TABLE: Readonly<
  Record<
    keyof SecurityOptionsInput,
    { readonly kind: Kind; readonly field: string; readonly inertOn?: readonly NodeJS.Platform[] }
  >
> = {
  jailerEnabled: { kind: 'boolean', field: 'jailerEnabled' },
  allowUnconfined: { kind: 'boolean', field: 'allowUnconfined' },
  seccompEnabled: { kind: 'boolean', field: 'seccompEnabled', inertOn: ['darwin'] },
  networkEnabled: { kind: 'boolean', field: 'networkEnabled' },
  closeFds: { kind: 'boolean', field: 'closeFds' },
  uid: { kind: 'integer', field: 'uid', inertOn: ['darwin'] },
  gid: { kind: 'integer', field: 'gid', inertOn: ['darwin'] },
  maxOpenFiles: { kind: 'integer', field: 'resourceLimits.maxOpenFiles' },
  maxFileSize: { kind: 'integer', field: 'resourceLimits.maxFileSize' },
  maxProcesses: { kind: 'integer', field: 'resourceLimits.maxProcesses', inertOn: ['darwin'] },
  maxMemory: { kind: 'integer', field: 'resourceLimits.maxMemory' },
  maxCpuTime: { kind: 'integer', field: 'resourceLimits.maxCpuTime' },
  sandboxProfile: { kind: 'path', field: 'sandboxProfile', inertOn: ['linux'] },
};

/**
 * Completes and checks security options.
 *
 * With `jailerEnabled: false` only the limits given explicitly remain.
 * @throws BoxliteError `invalid_argument` with `details.field` naming the first bad or unknown option
 */
export function resolveSecurityOptions(input: SecurityOptionsInput = {}): SecurityOptions {
  for (const [name, value] of Object.entries(input)) checkOption(name, value);
  const jailerEnabled = input.jailerEnabled ?? true;
  const defaults: ResourceLimits = jailerEnabled ? DEFAULT_RESOURCE_LIMITS : {};
  return {
    jailerEnabled,
    allowUnconfined: input.allowUnconfined ?? false,
    seccompEnabled: input.seccompEnabled ?? jailerEnabled,
    networkEnabled: input.networkEnabled ?? true,
    uid: input.uid ?? NOBODY_ID,
    gid: input.gid ?? NOBODY_ID,
    resourceLimits: definedOnly({
      maxOpenFiles: input.maxOpenFiles ?? defaults.maxOpenFiles,
      maxFileSize: input.maxFileSize ?? defaults.maxFileSize,
      maxProcesses: input.maxProcesses ?? defaults.maxProcesses,
      maxMemory: input.maxMemory ?? defaults.maxMemory,
      maxCpuTime: input.maxCpuTime ?? defaults.maxCpuTime,
    }),
    ...(input.sandboxProfile === undefined ? {} : { sandboxProfile: input.sandboxProfile }),
  };
}

/**
 * Sentences about options that were set but change nothing here.
 * @param platform default: this one
 */
export function inertSecurityOptions(
  input: SecurityOptionsInput,
  platform: NodeJS.Platform = process.platform,
): readonly string[] {
  const warnings: string[] = [];
  for (const [name, entry] of Object.entries(SECURITY_OPTION_TABLE)) {
    const value = input[name as keyof SecurityOptionsInput];
    if (value === undefined) continue;
    if (entry.inertOn?.includes(platform)) warnings.push(`the security option ${name} has no effect on ${platform}`);
    if (name === 'closeFds' && value === false) {
      warnings.push('closeFds: false has no effect: descriptors that were not handed over are always closed');
    }
  }
  if (input.jailerEnabled === false && input.seccompEnabled === true) {
    warnings.push('seccompEnabled: true has no effect: the filter is part of the jailer, which is off');
  }
  return warnings;
}

function checkOption(name: string, value: unknown): void {
  const entry = Object.hasOwn(SECURITY_OPTION_TABLE, name)
    ? SECURITY_OPTION_TABLE[name as keyof SecurityOptionsInput]
    : undefined;
  if (entry === undefined) {
    throw refuse(
      name,
      `unknown security option "${name}"`,
      `use one of ${Object.keys(SECURITY_OPTION_TABLE).join(', ')}`,
    );
  }
  if (value === undefined) return;
  if (entry.kind === 'boolean' && typeof value !== 'boolean') throw refuse(name, `${name} must be true or false`);
  if (entry.kind === 'integer' && !(Number.isSafeInteger(value) && (value as number) >= 0)) {
    throw refuse(name, `${name} must be a whole number of at least 0, not ${String(value)}`);
  }
  if (entry.kind === 'path' && !(typeof value === 'string' && value.startsWith('/'))) {
    throw refuse(name, `${name} must be an absolute path`);
  }
}

function refuse(field: string, message: string, hint?: string): BoxliteError {
  return new BoxliteError('invalid_argument', message, { ...(hint === undefined ? {} : { hint }), details: { field } });
}

function definedOnly(limits: { [Name in keyof ResourceLimits]: ResourceLimits[Name] | undefined }): ResourceLimits {
  return Object.fromEntries(Object.entries(limits).filter(([, value]) => value !== undefined));
}
