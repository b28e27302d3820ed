#!/usr/bin/env node
import { constants } from 'node:os';
import { hostImage } from './host-image.mjs';
import { runArguments, USAGE } from './run-arguments.mjs';
import { HOST_FAILED, runInKvmHost } from './run-in-kvm-host.mjs';

const asked = runArguments(process.argv.slice(2));
const abort = new AbortController();
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(name, () => {
    process.exitCode = 128 + constants.signals[name];
    abort.abort(new Error(`stopped by ${name}`));
  });
}
try {
  if ('help' in asked) console.log(USAGE);
  else if ('error' in asked) {
    console.error(`kvm-host: ${asked.error}\n\n${USAGE}`);
    process.exitCode = 2;
  } else if ('build' in asked) console.log((await hostImage({ signal: abort.signal })).directory);
  else process.exitCode = (await runInKvmHost({ ...asked.job, signal: abort.signal })).status;
} catch (cause) {
  console.error(`kvm-host: ${cause.message}`);
  process.exitCode ??= HOST_FAILED;
}
