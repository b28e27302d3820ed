#!/usr/bin/env node
// Runs in the nested host: the KVM self-test, one box, then the suites named in BOXLITE_KVM_PLAN. Human lines go to stderr; stdout carries a
// line of JSON for each result.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { vitestArguments } from './kvm-suites.mjs';
import { selfTest } from './self-test.mjs';

const { runsBox, suites } = JSON.parse(process.env.BOXLITE_KVM_PLAN);
const work = mkdtempSync(join(tmpdir(), 'kvm-inside-'));
// The checkout may be read-only for this user; boxes live where a user's boxes would.
const environment = { ...process.env, BOXLITE_HOME: join(work, 'home') };

function tell(name, begin, result) {
  console.log(JSON.stringify({ name, skipped: 0, failures: [], ...result, seconds: (Date.now() - begin) / 1000 }));
}

async function kvm() {
  const begin = Date.now();
  const { state, reason = '' } = await selfTest();
  const isUsable = state === 'usable';
  const failures = isUsable ? [] : [`the self-test says ${state}: ${reason}`];
  tell('KVM self-test: usable', begin, { passed: Number(isUsable), failed: failures.length, failures });
}

/** A box as a user starts it, on the VMM that is chosen when nobody chooses: libkrun. */
function box() {
  const begin = Date.now();
  const boxlite = (...args) =>
    spawnSync(process.execPath, ['packages/cli/bin/boxlite.js', ...args], { encoding: 'utf8', env: environment });
  const checks = {
    'boxlite run runs a command and gives its output and status': () => {
      const run = boxlite('run', '--name', 'smoke', '--', 'sh', '-c', 'echo "$(uname -s) in a box"; exit 7');
      return run.status === 7 && run.stdout === 'Linux in a box\n' ? '' : `${run.status} ${run.stdout}${run.stderr}`;
    },
    'the box ran on libkrun': () => {
      const run = boxlite('inspect', 'smoke');
      return /"vmm": "libkrun"/.test(run.stdout) ? '' : `${run.stdout}${run.stderr}`;
    },
  };
  const failures = Object.entries(checks).flatMap(([name, check]) => {
    const seen = check();
    console.error(`${seen === '' ? 'ok' : 'FAILED'}: ${name}`);
    return seen === '' ? [] : [`${name}: ${seen}`];
  });
  tell('a box on libkrun by default', begin, {
    passed: Object.keys(checks).length - failures.length,
    failed: failures.length,
    failures,
  });
}

async function vitest(suite) {
  const begin = Date.now();
  const report = join(work, 'report.json');
  rmSync(report, { force: true });
  // Verbose, so that of one that hangs the test before is known.
  const reporters = ['--reporter=verbose', '--reporter=json', `--outputFile.json=${report}`];
  const child = spawn(
    process.execPath,
    ['node_modules/vitest/vitest.mjs', 'run', ...reporters, ...vitestArguments(suite)],
    { stdio: ['ignore', 2, 2], env: { ...process.env, ...suite.env } },
  );
  const hung = setTimeout(() => {
    console.error(`${suite.name}: nothing came of it in ${suite.limitSeconds} s; what runs:`);
    spawnSync('ps', ['-eo', 'pid,ppid,stat,time,wchan:20,args'], { stdio: ['ignore', 2, 2] });
    child.kill('SIGKILL');
  }, suite.limitSeconds * 1000);
  const [status, signal] = await once(child, 'exit');
  clearTimeout(hung);
  tell(suite.name, begin, readReport(report, { status, signal }, suite));
}

/** Vitest's own count. A file that could not be read at all counts as one failure, and so does a vitest that died. */
function readReport(path, run, suite) {
  try {
    const report = JSON.parse(readFileSync(path, 'utf8'));
    const broken = report.testResults.filter((file) => file.status === 'failed' && file.assertionResults.length === 0);
    const failures = [
      ...report.testResults.flatMap((file) =>
        file.assertionResults.filter((test) => test.status === 'failed').map((test) => test.fullName),
      ),
      ...broken.map((file) => `${file.name}: ${file.message.split('\n', 1)[0]}`),
    ];
    if (report.numTotalTests === 0 && failures.length === 0) failures.push('no test was found');
    if (run.status !== 0 && failures.length === 0) failures.push(`vitest ended with ${run.status ?? run.signal}`);
    // Tests that a pattern leaves out were not asked for.
    const skipped = suite.pattern === undefined ? report.numPendingTests + report.numTodoTests : 0;
    const counts = { passed: report.numPassedTests, failed: failures.length, skipped, failures };
    return suite.parity === undefined ? counts : { ...counts, report: testsOf(report) };
  } catch (cause) {
    return { passed: 0, failed: 1, failures: [`vitest left no report (${run.status ?? run.signal}): ${cause}`] };
  }
}

/** What `scripts/parity.mjs` reads of a report. */
function testsOf({ testResults }) {
  return {
    testResults: testResults.map(({ name, assertionResults }) => ({
      name,
      assertionResults: assertionResults.map(({ fullName, status }) => ({ fullName, status })),
    })),
  };
}

await kvm();
if (runsBox) box();
for (const suite of suites) await vitest(suite);
