#!/usr/bin/env node
// Makes all attempts in the environments named and writes what became of them to standard output, for `scripts/escape-matrix.mjs --record <file>`.
//   sudo node test/escape/record.mjs root ordinary root-network ordinary-network > results.json
//   sudo node test/kvm-host/run.mjs -- 'BOXLITE_KVM_HOST=1 node test/escape/record.mjs kvm-root kvm-ordinary' > results.json
import { ENVIRONMENTS, jobOf } from './environments.mjs';
import { prepareRun, runJob } from './run-job.mjs';

const run = prepareRun();
/** @type {Record<string, object>} */
const results = {};
try {
  for (const name of process.argv.slice(2)) {
    const environment = ENVIRONMENTS[name];
    if (environment === undefined) throw new Error(`${name} is none of ${Object.keys(ENVIRONMENTS).join(', ')}`);
    console.error(`${name}:`);
    const report = await runJob(run, jobOf(environment), (line) => console.error(`  ${line}`));
    results[name] = compact(report);
  }
} finally {
  run.remove();
}
console.log(JSON.stringify(results));

/** `attempt: { layer: [verdict, detail] }`, details without what differs from run to run. */
function compact({ kernel, landlock, told, layers, outcomes }) {
  /** @type {Record<string, Record<string, string>>} */
  const attempts = {};
  for (const { attempt, layers: set, verdict, detail } of outcomes) {
    attempts[attempt] ??= {};
    attempts[attempt][set] = verdict === 'escaped' ? 'out' : `${verdict}: ${detail}`;
  }
  return { recorded: new Date().toISOString().slice(0, 10), kernel, landlock, told, layers, attempts };
}
