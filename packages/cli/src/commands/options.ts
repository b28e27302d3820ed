import { type Command, Option } from 'commander';
import { LIMIT_WORDS } from '../arguments/parse-limit.js';

/** Options several commands share, so that they read and mean the same everywhere. */
export const collect = (value: string, earlier: readonly string[] = []): readonly string[] => [...earlier, value];

/** Of `run` and `create`; commander's own rendering of their arguments has no place for `--`. */
export const IMAGE_USAGE = '[options] [image] [--] [cmd...]';

export const envOption = () =>
  new Option('-e, --env <KEY[=VALUE]>', "environment; a bare KEY passes this shell's value on").argParser(collect);
export const workdirOption = () => new Option('-w, --workdir <DIR>', 'working directory in the box');
export const userOption = () => new Option('-u, --user <USER[:GROUP]>', 'user name or id in the box');
export const interactiveOption = () => new Option('-i, --interactive', 'pass stdin on');
export const ttyOption = () => new Option('-t, --tty', 'give the command a terminal');
export const jsonOption = () => new Option('--json', 'print JSON');
export const platformOption = () =>
  new Option('--platform <OS/ARCH[/VARIANT]>', 'of a multi-platform image (default: linux and this machine)');
export const pullPolicyOption = () =>
  new Option(
    '--pull <POLICY>',
    'when the image is fetched from its registry at the first start (default: missing)',
  ).choices(['always', 'missing', 'never']);
export const nameOption = () => new Option('--name <NAME>', 'name of the box, usable instead of its id');
export const cpusOption = () => new Option('--cpus <N>', 'virtual CPUs (default: 1)');
export const memoryOption = () => new Option('--memory <SIZE>', 'guest memory: MiB, or with k, m, g (default: 512)');
export const diskSizeOption = () => new Option('--disk-size <GB>', 'size of the disk in GiB, sparse (default: 10)');
export const vmmOption = () => new Option('--vmm <ID>', 'virtual machine monitor (default: the best available)');
export const sandboxOption = () =>
  new Option('--sandbox <ID>', 'sandbox around the VMM, or several: OUTER+INNER (default: the best available)');
export const kernelOption = () =>
  new Option(
    '--kernel <ID|FILE>',
    'kernel of the box: boxlite, libkrunfw, or the path of a vmlinux (default: $BOXLITE_KERNEL, else the best available)',
  );
export const jailerOption = () =>
  new Option(
    '--jailer <MODE>',
    'around the VMM: refuse to start without it, do what can be done, or none (default: required)',
  ).choices(['required', 'best-effort', 'off']);
export const securityOption = () =>
  new Option('--security <SWITCH>', 'every layer of the jail, or none').choices(['enable', 'disable']);
export const seccompOption = () =>
  new Option(
    '--seccomp <MODE>',
    "filter of the VMM's system calls; diagnose names what it refuses (default: enforce)",
  ).choices(['enforce', 'diagnose', 'off']);
export const limitOption = () =>
  new Option(
    '--limit <NAME=VALUE>',
    `limit of the VMM on this host: ${Object.keys(LIMIT_WORDS).join(', ')}; repeatable (default: as the box is large)`,
  ).argParser(collect);
export const pidsLimitOption = () =>
  new Option('--pids-limit <N>', 'processes and threads of the VMM on this host, as --limit pids=N');
export const pluginOption = () =>
  new Option(
    '--plugin <PATH>',
    'load a plugin: a module, a package directory, or a package installed beside boxlite; repeatable',
  ).argParser(collect);
export const entrypointOption = () => new Option('--entrypoint <PROGRAM>', "instead of the image's entrypoint");
export const volumeOption = () =>
  new Option('-v, --volume <HOST:BOX[:ro]>', 'share a directory or a file of this host with the box').argParser(
    collect,
  );
export const autoPauseOption = () =>
  new Option(
    '--auto-pause <DURATION>',
    'pause the box when nothing was run in it for so long (30s, 5m); watched by each boxlite or program connected to it, while it is (default: never)',
  );
export const hostnameOption = () => new Option('--hostname <NAME>', 'host name in the box');
export const privilegedOption = () =>
  new Option('--privileged', 'what runs in the box may do whatever its machine can, such as run containers');

export const templateOption = () =>
  new Option('--no-template', 'boot, also where the home has a template the box could start from');

/** What `run` and `create` take alike: an image, its command, and everything a new box is made of. */
export function addNewBoxOptions(command: Command): Command {
  return command
    .usage(IMAGE_USAGE)
    .argument('[image]', 'image reference, oci:DIR, oci-archive:FILE or docker-archive:FILE')
    .argument('[cmd...]', "the command and its arguments; without one the image's own")
    .addOption(pullPolicyOption())
    .addOption(envOption())
    .addOption(workdirOption())
    .addOption(userOption())
    .addOption(cpusOption())
    .addOption(memoryOption())
    .addOption(diskSizeOption())
    .addOption(nameOption())
    .addOption(hostnameOption())
    .addOption(entrypointOption())
    .addOption(autoPauseOption())
    .addOption(volumeOption())
    .addOption(privilegedOption())
    .addOption(templateOption())
    .addOption(vmmOption())
    .addOption(sandboxOption())
    .addOption(kernelOption())
    .addOption(jailerOption())
    .addOption(securityOption())
    .addOption(seccompOption())
    .addOption(limitOption())
    .addOption(pidsLimitOption());
}
