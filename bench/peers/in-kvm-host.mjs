// The comparison in a host where KVM works: `node bench/peers/in-kvm-host.mjs [--cold-start] [--cpus N] [--json FILE] [options of run.mjs or
// cold-start.mjs]`. Installs what it needs first.
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { PassThrough } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { quoted } from '../../test/kvm-host/job-script.mjs';
import { runInKvmHost } from '../../test/kvm-host/run-in-kvm-host.mjs';

const TIMEOUT_SECONDS = 3600;
/** For five boxes of 256 MiB of the participant that needs most beside them. */
const MEMORY_MIB = 8192;
/** As many as a user's machine has at least; with two the emulated host may stand still (test/kvm-host/README.md, "Limits"). */
const DEFAULT_CPUS = '2';
const RESULT = '/tmp/peers.json';

/**
 * Several boxes at once have a host of their own, with one processor: with two the emulator's nested virtualization brings down the kernel of the host as soon as
 * several virtual machines run (test/kvm-host/README.md, "Limits").
 */
const partsOf = (options) => {
  const several = roundsOfSeveral(options);
  const alone = { processors: cpus, more: ['--several-rounds', '0'] };
  return several === '0' ? [alone] : [alone, { processors: 1, more: ['--rounds', '0', '--several-rounds', several] }];
};

const { value: file, rest } = take(process.argv.slice(2), '--json');
const { value: wantedCpus = DEFAULT_CPUS, rest: given } = take(rest, '--cpus');
const cpus = Number(wantedCpus);
const isColdStart = given.includes('--cold-start');
const options = given.filter((option) => option !== '--cold-start');
execFileSync(process.execPath, [fileURLToPath(new URL('install.mjs', import.meta.url))], { stdio: ['ignore', 2, 2] });
const figures = [];
const program = `bench/peers/${isColdStart ? 'cold-start' : 'run'}.mjs`;
for (const { processors, more } of isColdStart ? [{ processors: cpus, more: [] }] : partsOf(options)) {
  const { status, json } = await compareInHost(program, [...options, ...more], processors);
  if (json !== undefined) figures.push(json);
  if (status !== 0) process.exitCode = status;
}
if (file !== undefined) writeFileSync(file, `${JSON.stringify(figures, null, 2)}\n`);

async function compareInHost(program, runOptions, processors) {
  const run = ['node', program, ...runOptions, '--json', RESULT].map(quoted).join(' ');
  // Files of the host are lost with it: the figures come behind the table, after a NUL.
  const command = `${run}; status=$?; [ -e ${RESULT} ] && printf '\\0' && cat ${RESULT}; exit $status`;
  const stdout = new PassThrough();
  const [{ status }, output] = await Promise.all([
    runInKvmHost({ command, timeoutSeconds: TIMEOUT_SECONDS, memoryMiB: MEMORY_MIB, cpus: processors, stdout }).finally(
      () => stdout.end(),
    ),
    buffer(stdout),
  ]);
  const end = output.indexOf(0);
  process.stdout.write(end < 0 ? output : output.subarray(0, end));
  return { status, json: end < 0 ? undefined : JSON.parse(output.subarray(end + 1)) };
}

function roundsOfSeveral(options) {
  return optionValue(options, '--several-rounds') ?? optionValue(options, '--rounds') ?? '10';
}

function optionValue(args, name) {
  const at = args.indexOf(name);
  return at < 0 ? undefined : args[at + 1];
}

function take(args, name) {
  const at = args.indexOf(name);
  return at < 0 ? { rest: args } : { value: args[at + 1], rest: args.toSpliced(at, 2) };
}
