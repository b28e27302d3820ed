import { quoted } from './job-script.mjs';

export const USAGE = `usage: node test/kvm-host/run.mjs [--user] [--timeout SECONDS] [--memory MIB] [--cpus N] [--env NAME=VALUE]... [--checkout DIR] -- COMMAND...
       node test/kvm-host/run.mjs --build

Runs COMMAND in a nested host with KVM, in the checkout. One word is a bash script; several are a program and its arguments.
  --user       as an ordinary user in group kvm (default: as root)
  --timeout    of boot and command together (default 900)
  --memory     of the host (default 6144)
  --cpus       of the host (default 1; with several it may hang)
  --env        set in the command's environment
  --checkout   the directory to mount (default: this repository)
  --build      only build the image of the host`;

const NUMBERS = { '--timeout': 'timeoutSeconds', '--memory': 'memoryMiB', '--cpus': 'cpus' };

/**
 * @param {string[]} args
 * @returns {{ job: { command: string, user: 'root' | 'ordinary', env: Record<string, string> } } | { build: true } | { help: true } | { error: string }}
 */
export function runArguments(args) {
  const job = { user: 'root', env: {} };
  let at = 0;
  for (; at < args.length; at += 1) {
    const option = args[at];
    if (option === '--') {
      at += 1;
      break;
    }
    if (!option.startsWith('-')) break;
    if (option === '--help' || option === '-h') return { help: true };
    if (option === '--build') return { build: true };
    if (option === '--user') {
      job.user = 'ordinary';
      continue;
    }
    const value = args[at + 1];
    if (value === undefined) return { error: `${option}: a value is missing, or the option is unknown` };
    at += 1;
    if (option in NUMBERS) {
      if (!/^[1-9][0-9]{0,6}$/.test(value)) return { error: `${option}: "${value}" is not a number above zero` };
      job[NUMBERS[option]] = Number(value);
    } else if (option === '--checkout') {
      job.checkout = value;
    } else if (option === '--env') {
      const equals = value.indexOf('=');
      if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(value.slice(0, Math.max(equals, 0)))) {
        return { error: `--env: "${value}" is not NAME=VALUE` };
      }
      job.env[value.slice(0, equals)] = value.slice(equals + 1);
    } else {
      return { error: `${option}: unknown option` };
    }
  }
  const words = args.slice(at);
  if (words.length === 0) return { error: 'a command is missing' };
  return { job: { ...job, command: words.length === 1 ? words[0] : words.map(quoted).join(' ') } };
}
