// Our sandboxes and Anthropic's sandbox-runtime with the same command, one writable directory and no network: what each stops of the escape tests'
// attempts, and how long a command takes to start. `node bench/jail/compare.mjs [--runs N] [--json FILE]`, after `node bench/jail/install.mjs`.
import { execFile } from 'node:child_process';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { ORDINARY_USER, prepareRun, runJob } from '../../test/escape/run-job.mjs';
import { describeMachine } from '../lib/machine.mjs';
import { builtPackage } from '../lib/packages.mjs';
import { formatTable, report } from '../lib/report.mjs';
import { ratio, summarize } from '../lib/statistics.mjs';
import { attemptTable } from './compare/attempt-table.mjs';
import { comparedAttempts } from './compare/attempts.mjs';
import { PARTICIPANTS } from './compare/participants.mjs';
import { compileProbe } from './lib/compile-probe.mjs';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const { values } = parseArgs({ options: { runs: { type: 'string', default: '40' }, json: { type: 'string' } } });
if (process.getuid() !== 0) throw new Error('the comparison needs root, to give the attempts a network and a user');

const { SYSTEM_PATHS } = await builtPackage('jailer-landlock');
const run = prepareRun(here('compare/harness.mjs'));
try {
  const attempts = comparedAttempts(join(run.directory, 'programs/hostile'));
  const outcomes = {};
  for (const [user, uid] of [
    ['ordinary', ORDINARY_USER],
    ['root', 0],
  ]) {
    process.stderr.write(`${attempts.length} attempts as ${user}\n`);
    const job = { uid, network: false, layers: Object.keys(PARTICIPANTS), attempts, systemPaths: SYSTEM_PATHS };
    const say = (line) => process.stderr.write(`  ${line}\n`);
    ({ outcomes: outcomes[user] } = await runJob(run, { ...job, confineOnce: here('compare/confine-once.mjs') }, say));
  }
  const probe = compileProbe(run.directory);
  chmodSync(probe, 0o755);
  const times = {
    ordinary: await startTimes(probe, { uid: ORDINARY_USER, gid: ORDINARY_USER }),
    root: await startTimes(probe, {}),
  };
  const machine = describeMachine();
  const results = [{ name: 'start', ...timesReport(times) }];
  for (const [user, list] of Object.entries(outcomes)) console.log(`${attemptTable(user, list)}\n`);
  console.log(formatTable(results));
  if (values.json !== undefined) {
    writeFileSync(values.json, `${JSON.stringify({ machine, outcomes, results }, null, 2)}\n`);
  }
} finally {
  run.remove();
}

async function startTimes(probe, ids) {
  const args = [here('compare/start-times.mjs'), probe, values.runs];
  const options = { ...ids, cwd: '/', env: { PATH: process.env.PATH, HOME: '/nonexistent' }, maxBuffer: 2 ** 24 };
  return JSON.parse((await promisify(execFile)(process.execPath, args, options)).stdout);
}

function timesReport(times) {
  const named = Object.entries(times).flatMap(([user, samples]) =>
    Object.entries(samples).map(([name, values]) => ({ name: `${user}, ${name}`, samples: values, unit: 'ms' })),
  );
  const ratios = Object.entries(times).flatMap(([user, { srt, ...ours }]) =>
    ['jailer-bwrap', 'jailer-landlock', 'both', 'jailer'].map((name) => ({
      name: `${user}, ${name} / srt`,
      unit: 'x',
      ...ratio(summarize(ours[name]), summarize(srt)),
    })),
  );
  return report(named, ratios);
}
