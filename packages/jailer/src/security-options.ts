import { BoxliteError, type ResourceLimits } from '@boxlite/core';
import {
  type JailerMode,
  SECURITY_OPTION_TABLE,
  type SeccompMode,
  type SecurityOptionEntry,
  type SecurityOptionsInput,
} from './security-option-table.js';

/** What confines a box's VMM, complete. Made by {@link resolveSecurityOptions}, so that no caller fills in a default of its own. */
export interface SecurityOptions {
  readonly jailer: JailerMode;
  /** `off` when the jailer is. */
  readonly seccomp: SeccompMode;
  /** False takes every network but unix sockets away. */
  readonly networkEnabled: boolean;
  /** The ids the VMM sees itself as. */
  readonly uid: number;
  readonly gid: number;
  readonly resourceLimits: ResourceLimits;
  /** macOS: absolute path of an SBPL profile used instead of the generated one. */
  readonly sandboxProfile?: string;
}

/** "nobody" of every common distribution, and the kernel's overflow id. */
export const NOBODY_ID = 65534;

/**
 * The limits of a command that asked for none (reference 6.7). Who knows the command gives narrower ones: the file size from its disks, processes and
 * memory from its machine.
 */
export const DEFAULT_RESOURCE_LIMITS: ResourceLimits = {
  maxOpenFiles: 1024,
  maxFileSize: 1024 ** 3,
  maxProcesses: 1024,
  maxSwap: 0,
};

const LIMIT_NAMES = Object.entries(SECURITY_OPTION_TABLE).flatMap(([name, { field }]) =>
  field.startsWith('resourceLimits.') ? [name as keyof ResourceLimits] : [],
);

/**
 * Completes and checks security options.
 *
 * With the jailer off only the limits given explicitly remain.
 * @throws BoxliteError `invalid_argument` with `details.field` naming the first bad or unknown option
 */
export function resolveSecurityOptions(input: SecurityOptionsInput = {}): SecurityOptions {
  for (const [name, value] of Object.entries(input)) checkOption(name, value);
  // Only what the object itself holds was checked.
  const own: SecurityOptionsInput = { ...input };
  const jailer = modeOf('jailer', own.jailer, own.jailerEnabled) ?? 'required';
  const seccomp = modeOf('seccomp', own.seccomp, own.seccompEnabled) ?? 'enforce';
  const defaults: ResourceLimits = jailer === 'off' ? {} : DEFAULT_RESOURCE_LIMITS;
  return {
    jailer,
    seccomp: jailer === 'off' ? 'off' : seccomp,
    networkEnabled: own.networkEnabled ?? true,
    uid: own.uid ?? NOBODY_ID,
    gid: own.gid ?? NOBODY_ID,
    resourceLimits: Object.fromEntries(
      LIMIT_NAMES.flatMap((name) => {
        const value = own[name] ?? defaults[name];
        return value === undefined ? [] : [[name, value]];
      }),
    ),
    ...(own.sandboxProfile === undefined ? {} : { sandboxProfile: own.sandboxProfile }),
  };
}

/** The mode two spellings ask for together. @throws BoxliteError `invalid_argument` when they contradict each other */
function modeOf<Mode extends string>(
  field: 'jailer' | 'seccomp',
  mode: Mode | undefined,
  enabled: boolean | undefined,
): Mode | 'off' | undefined {
  if (mode === undefined || enabled === undefined) return enabled === false ? 'off' : mode;
  if (enabled === (mode !== 'off')) return mode;
  const hint = `leave ${field}Enabled out`;
  throw refuse(field, `${field}: ${JSON.stringify(mode)} and ${field}Enabled: ${enabled} contradict each other`, hint);
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
  const wantsFilter = input.seccompEnabled === true || (input.seccomp !== undefined && input.seccomp !== 'off');
  if (wantsFilter && (input.jailerEnabled === false || input.jailer === 'off')) {
    const given = input.seccomp === undefined ? 'seccompEnabled: true' : `seccomp: '${input.seccomp}'`;
    warnings.push(`${given} has no effect: the filter is part of the jailer, which is off`);
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
  const rule = brokenRule(entry, value);
  if (rule !== undefined) throw refuse(name, `${name} must be ${rule}, not ${JSON.stringify(value) ?? String(value)}`);
}

/** What the value must be and is not. */
function brokenRule(entry: SecurityOptionEntry, value: unknown): string | undefined {
  switch (entry.kind) {
    case 'boolean':
      return typeof value === 'boolean' ? undefined : 'true or false';
    case 'path':
      return typeof value === 'string' && value.startsWith('/') ? undefined : 'an absolute path';
    case 'choice':
      return entry.choices.some((choice) => choice === value) ? undefined : `one of '${entry.choices.join("', '")}'`;
    case 'integer':
    case 'number': {
      const { kind, least, most } = entry;
      const fits = kind === 'integer' ? Number.isSafeInteger(value) : Number.isFinite(value);
      if (fits && (value as number) >= least && (value as number) <= most) return undefined;
      const upTo = most === Number.MAX_SAFE_INTEGER ? `of at least ${least}` : `from ${least} to ${most}`;
      return `a ${kind === 'integer' ? 'whole number' : 'number'} ${upTo}`;
    }
  }
}

function refuse(field: string, message: string, hint?: string): BoxliteError {
  return new BoxliteError('invalid_argument', message, { ...(hint === undefined ? {} : { hint }), details: { field } });
}
