import type { BoxOptions } from '@boxlite/sdk';
import { kernelChoice } from '../arguments/kernel-choice.js';
import { parseDuration } from '../arguments/parse-duration.js';
import { parseEnv } from '../arguments/parse-env.js';
import { parseMemoryMib } from '../arguments/parse-memory.js';
import { parseWholeNumber } from '../arguments/parse-numbers.js';
import { parseVolumes } from '../arguments/parse-volume.js';
import { type SecurityFlags, securityOptions } from '../arguments/security-flags.js';

/** What commander leaves of the options `run` and `create` share. */
export interface BoxFlags extends SecurityFlags {
  readonly pull?: 'always' | 'missing' | 'never';
  readonly env?: readonly string[];
  readonly workdir?: string;
  readonly user?: string;
  readonly cpus?: string;
  readonly memory?: string;
  readonly diskSize?: string;
  readonly name?: string;
  readonly hostname?: string;
  readonly privileged?: boolean;
  /** False with `--no-template`. */
  readonly template?: boolean;
  readonly vmm?: string;
  readonly sandbox?: string;
  readonly kernel?: string;
  readonly entrypoint?: string;
  readonly volume?: readonly string[];
  readonly autoPause?: string;
}

/** Flags, image and command as {@link BoxOptions}. @throws BoxliteError `invalid_argument` naming the field */
export function boxOptions(flags: BoxFlags, image: string | undefined, command: readonly string[]): BoxOptions {
  return {
    ...(image === undefined ? {} : { image }),
    ...(flags.pull === undefined ? {} : { pull: flags.pull }),
    ...(command.length === 0 ? {} : { cmd: [...command] }),
    ...(flags.entrypoint === undefined ? {} : { entrypoint: flags.entrypoint === '' ? [] : [flags.entrypoint] }),
    ...(flags.env === undefined ? {} : { env: parseEnv(flags.env, process.env) }),
    ...(flags.workdir === undefined ? {} : { workingDir: flags.workdir }),
    ...(flags.user === undefined ? {} : { user: flags.user }),
    ...(flags.cpus === undefined ? {} : { cpus: parseWholeNumber('cpus', flags.cpus) }),
    ...(flags.memory === undefined ? {} : { memoryMib: parseMemoryMib(flags.memory) }),
    ...(flags.diskSize === undefined ? {} : { diskSizeGb: parseWholeNumber('disk-size', flags.diskSize) }),
    ...(flags.name === undefined ? {} : { name: flags.name }),
    ...(flags.hostname === undefined ? {} : { hostname: flags.hostname }),
    ...(flags.privileged === true ? { privileged: true } : {}),
    ...(flags.volume === undefined ? {} : { volumes: [...parseVolumes(flags.volume, process.cwd())] }),
    ...(flags.autoPause === undefined ? {} : { autoPauseMs: parseDuration('auto-pause', flags.autoPause) }),
    ...(flags.template === false ? { template: false } : {}),
    ...(flags.vmm === undefined ? {} : { vmm: flags.vmm }),
    ...(flags.sandbox === undefined ? {} : { sandbox: flags.sandbox }),
    ...(flags.kernel === undefined ? {} : { kernel: kernelChoice(flags.kernel, process.cwd()) }),
    ...securityOptions(flags),
  };
}
