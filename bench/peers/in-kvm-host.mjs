// The comparison in a host where KVM works: `node bench/peers/in-kvm-host.mjs [--json FILE] [options of run.mjs]`. Installs what it needs first.
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
const RESULT = '/tmp/peers.json';

const { file, options } = takeJson(process.argv.slice(2));
execFileSync(process.execPath, [fileURLToPath(new URL('install.mjs', import.meta.url))], { stdio: ['ignore', 2, 2] });
const run = ['node', 'bench/peers/run.mjs', ...options, '--json', RESULT].map(quoted).join(' ');
// Files of the host are lost with it: the figures come behind the table, after a NUL.
const command = `${run} && printf '\\0' && cat ${RESULT}`;
const stdout = new PassThrough();
const [{ status }, output] = await Promise.all([
  runInKvmHost({ command, timeoutSeconds: TIMEOUT_SECONDS, memoryMiB: MEMORY_MIB, stdout }).finally(() => stdout.end()),
  buffer(stdout),
]);
const end = output.indexOf(0);
process.stdout.write(end < 0 ? output : output.subarray(0, end));
if (end >= 0 && file !== undefined) writeFileSync(file, output.subarray(end + 1));
process.exitCode = status;

function takeJson(args) {
  const at = args.indexOf('--json');
  if (at < 0) return { file: undefined, options: args };
  return { file: args[at + 1], options: args.toSpliced(at, 2) };
}
