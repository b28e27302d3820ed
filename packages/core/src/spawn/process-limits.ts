import type { ConfinedCommand, ProcessLimits } from '../contracts/sandbox.js';
import { BoxliteError } from '../errors/boxlite-error.js';
import { findProgram } from './find-program.js';

/** Options of prlimit(1) of util-linux, by limit. */
const OPTIONS = {
  maxOpenFiles: 'nofile',
  maxFileSize: 'fsize',
  maxMemory: 'as',
  maxCpuTime: 'cpu',
} as const satisfies Record<keyof ProcessLimits, string>;

/**
 * What a supervisor's stage A does before exec, as far as a program of the system can: limits by prlimit(1), put outermost.
 * @param searchPath where prlimit is looked for
 * @throws BoxliteError `unsupported`, `details.field` `rlimits` where there is no prlimit, `cgroupDir` for a command that is to join a cgroup
 */
export async function withProcessLimits(command: ConfinedCommand, searchPath: string): Promise<ConfinedCommand> {
  if (command.cgroupDir !== undefined) {
    throw unsupported('cgroupDir', 'it is to join a cgroup', 'start it with @boxlite/supervisor');
  }
  const limits = Object.entries(command.rlimits ?? {}).filter(([, value]) => value !== undefined);
  if (limits.length === 0) return command;
  const prlimit = await findProgram('prlimit', searchPath);
  if (prlimit === undefined) {
    throw unsupported('rlimits', 'there is no prlimit on PATH', 'install util-linux, or leave the limits out');
  }
  const options = limits.map(([name, value]) => {
    const option = Object.hasOwn(OPTIONS, name) ? OPTIONS[name as keyof ProcessLimits] : undefined;
    if (option === undefined) throw unsupported('rlimits', `${name} is no limit of one process`, 'leave it out');
    return `--${option}=${value}`;
  });
  return { ...command, binary: prlimit, args: [...options, '--core=0', '--', command.binary, ...command.args] };
}

function unsupported(field: string, why: string, hint: string): BoxliteError {
  return new BoxliteError('unsupported', `the command cannot be run without a supervisor: ${why}`, {
    hint,
    details: { field },
  });
}
