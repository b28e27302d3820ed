import { basename } from 'node:path';
import type { ConfinedCommand, JailCommand } from '@boxlite/core';
import type { BoxJail } from './box-jail.js';
import type { LayerSet } from './job.js';

/** A command with some layers around it, and who starts it: the real supervisor, or the harness with everything leaked that it has. */
export interface Composed {
  readonly command: ConfinedCommand;
  readonly by: 'supervisor' | 'harness';
}

/** The programs a jail puts around a command inside its view, outermost first; each ends its own options with `--`. */
const INNER_PROGRAMS = ['boxlite-landlock', 'boxlite-stage-b'];

/** Options of stage B that say who the command is (native/stage-b/arguments.h). */
const ID_OPTIONS = ['--gid', '--uid', '--group'];

/** Whom root's VMM becomes where nothing maps its id to another: a user that owns nothing, on no distribution. */
const UNUSED_ID = '2010000000';

/**
 * Puts one layer, all, or none around a command, out of the very jail that the SDK builds for a box.
 * @param programsDir where the helpers of the tests lie
 * @returns undefined where this machine has no such layer (a cgroup)
 */
export function compose(
  layers: LayerSet,
  { jail }: BoxJail,
  command: JailCommand,
  programsDir: string,
): Composed | undefined {
  const bare: ConfinedCommand = { ...command, pidReport: { kind: 'self' } };
  const whole = jail.command(command);
  switch (layers) {
    case 'none':
      return { command: bare, by: 'harness' };
    case 'descriptors':
      return { command: bare, by: 'supervisor' };
    case 'rlimits':
      return { command: around(bare, '/usr/bin/prlimit', limitArguments(whole)), by: 'harness' };
    case 'cgroup': {
      if (whole.cgroupDir === undefined) return undefined;
      const join = `echo 0 > '${whole.cgroupDir}/cgroup.procs' && exec "$0" "$@"`;
      return { command: around(bare, '/bin/sh', ['-c', join]), by: 'harness' };
    }
    case 'view':
      return { command: withoutInnerPrograms(whole, command), by: 'harness' };
    case 'seccomp':
      return { command: underFilter(whole, bare, programsDir), by: 'harness' };
    case 'landlock':
    case 'privileges':
      return { command: innerLayer(layers, whole, command), by: 'harness' };
    case 'all':
      return { command: whole, by: 'supervisor' };
  }
}

function around(command: ConfinedCommand, binary: string, args: readonly string[]): ConfinedCommand {
  return { ...command, binary, args: [...args, command.binary, ...command.args] };
}

function limitArguments({ rlimits = {} }: ConfinedCommand): string[] {
  const names = { maxOpenFiles: 'nofile', maxFileSize: 'fsize', maxMemory: 'as', maxCpuTime: 'cpu' } as const;
  const limits = Object.entries(names).flatMap(([member, name]) => {
    const value = rlimits[member as keyof typeof names];
    return value === undefined ? [] : [`--${name}=${value}:${value}`];
  });
  return [...limits, '--core=0:0'];
}

/** One program of the chain with its own options, without the `--` that ends them. */
function programIn(argv: readonly string[], name: string): readonly string[] | undefined {
  const begin = argv.findIndex((word) => basename(word) === name);
  return begin === -1 ? undefined : argv.slice(begin, argv.indexOf('--', begin));
}

/** The view alone: what a jail puts around its inner programs, around the command itself. */
function withoutInnerPrograms(whole: ConfinedCommand, command: JailCommand): ConfinedCommand {
  const argv = [whole.binary, ...whole.args];
  const end = argv.findIndex((word) => INNER_PROGRAMS.includes(basename(word)));
  const dropped = INNER_PROGRAMS.flatMap((name) => programIn(argv, name) ?? []);
  const [binary = '', ...args] = argv.slice(0, end);
  return {
    ...whole,
    binary,
    args: [...args, command.binary, ...command.args],
    dataFds: (whole.dataFds ?? []).filter(({ fd }) => !dropped.includes(String(fd))),
  };
}

/** The filter alone. */
function underFilter(whole: ConfinedCommand, bare: ConfinedCommand, programsDir: string): ConfinedCommand {
  const options = programIn([whole.binary, ...whole.args], 'boxlite-stage-b') ?? [];
  const fd = options[options.indexOf('--seccomp') + 1] ?? '';
  const data = (whole.dataFds ?? []).filter((each) => String(each.fd) === fd);
  return { ...around(bare, `${programsDir}/under-filter`, [fd]), dataFds: data };
}

/** One layer of those that are put on inside the view, without the view. */
function innerLayer(layer: 'landlock' | 'privileges', whole: ConfinedCommand, command: JailCommand): ConfinedCommand {
  const argv = [whole.binary, ...whole.args];
  const found = programIn(argv, layer === 'landlock' ? 'boxlite-landlock' : 'boxlite-stage-b');
  if (found === undefined) throw new Error(`there is no ${layer} in the jail: ${argv.join(' ')}`);
  const [binary = '', ...options] = layer === 'landlock' ? rulesOnly(found) : privilegesOnly(found);
  const data = (whole.dataFds ?? []).filter(({ fd }) => options.includes(String(fd)));
  return {
    binary,
    args: [...options, '--', command.binary, ...command.args],
    env: command.env,
    pidReport: { kind: 'self' },
    dataFds: data,
  };
}

/** The helper of Landlock with its rules and nothing else that it can do (native/landlock/arguments.h). */
function rulesOnly([binary = '', ...options]: readonly string[]): readonly string[] {
  const kept: string[] = [];
  for (const [at, name] of options.entries()) {
    if (name === '--rules' || name === '--at-most') kept.push(name, options[at + 1] ?? '');
    if (name === '--no-tcp') kept.push(name);
  }
  return [binary, ...kept];
}

/** Stage B with what it does of itself and the ids; without a user namespace nobody but root becomes somebody else. */
function privilegesOnly([binary = '', ...options]: readonly string[]): readonly string[] {
  const isRoot = process.geteuid?.() === 0;
  const kept: string[] = [];
  for (let at = 0; at < options.length; at += 1) {
    const name = options[at] ?? '';
    if (!ID_OPTIONS.includes(name)) continue;
    at += 1;
    if (isRoot) kept.push(name, name === '--group' ? (options[at] ?? '') : UNUSED_ID);
  }
  return [binary, ...kept, '--keep-from', '10'];
}
