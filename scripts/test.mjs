#!/usr/bin/env node
// `npm test`: sets everything up, runs every check and every test, and ends with "N passed, N failed".
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { boxliteProcesses } from './setup/leftover-processes.mjs';
import { readableCheckout } from './setup/readable-checkout.mjs';
import { ROOT, setUp } from './setup.mjs';
import { budgetReport, suiteSeconds } from './suite-budget.mjs';

const REPORT = join(ROOT, '.cache/test-report.json');
const KVM_REPORT = join(ROOT, '.cache/kvm-report.json');

/** Programs that judge the repository itself; each counts as one test. */
const CHECKS = [
  ['lint and format', 'node_modules/.bin/biome', ['check', '.']],
  ['types', 'node_modules/.bin/tsc', ['--noEmit', '-p', 'tsconfig.json']],
  ['dependency rule', 'node_modules/.bin/depcruise', ['--config', '.dependency-cruiser.cjs', 'packages', 'examples']],
  ['specification coverage', process.execPath, ['scripts/spec-coverage.mjs']],
  ['parity table', process.execPath, ['scripts/parity.mjs', '--check']],
  ['escape matrix', process.execPath, ['scripts/escape-matrix.mjs', '--check']],
  ['repository rules', process.execPath, ['scripts/repository-rules.mjs']],
];

function runChecks() {
  const failedChecks = [];
  for (const [name, program, args] of CHECKS) {
    const begin = Date.now();
    const run = spawnSync(program, args, { cwd: ROOT, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
    const verdict = run.status === 0 ? 'ok' : 'FAILED';
    console.log(`check: ${name}: ${verdict} (${((Date.now() - begin) / 1000).toFixed(1)} s)`);
    if (run.status !== 0) {
      failedChecks.push(name);
      console.log(`${run.stdout ?? ''}${run.stderr ?? run.error}`);
    }
  }
  return { passed: CHECKS.length - failedChecks.length, failed: failedChecks.length, failedChecks };
}

function runVitest(extra) {
  mkdirSync(join(ROOT, '.cache'), { recursive: true });
  rmSync(REPORT, { force: true });
  const checkout = readableCheckout(ROOT);
  const run = spawnSync(
    ...checkout.command('node_modules/.bin/vitest', [
      ...['run', '--reporter=default', '--reporter=json', `--outputFile.json=${REPORT}`],
      ...extra,
    ]),
    { cwd: ROOT, stdio: 'inherit', env: { ...process.env, BOXLITE_TEST_FULL: full ? '1' : '' } },
  );
  checkout.release();
  try {
    const report = JSON.parse(readFileSync(REPORT, 'utf8'));
    const budget = JSON.parse(readFileSync(join(ROOT, 'test/budget.json'), 'utf8'));
    console.log(
      `\ntime of each suite:\n${budgetReport(suiteSeconds(report.testResults, checkout.root), budget).join('\n')}`,
    );
    const brokenFiles = report.testResults.filter(
      (file) => file.status === 'failed' && file.assertionResults.length === 0,
    );
    return {
      passed: report.numPassedTests,
      failed: report.numFailedTests + brokenFiles.length,
      skipped: report.numPendingTests + report.numTodoTests,
      exit: run.status,
      sayFailures: () => sayFailures(report.testResults, checkout.root),
    };
  } catch (cause) {
    console.log(`vitest left no report: ${cause}`); // it died: that is one failure, whatever it had run
    return { passed: 0, failed: 1, skipped: 0, exit: run.status };
  }
}

/**
 * Every failed test with the first lines of its message: the end of a long output is what people and CI systems keep.
 * @param {{ name: string, status: string, message?: string, assertionResults: { status: string, fullName: string, failureMessages?: string[] }[] }[]} files
 */
function sayFailures(files, root) {
  const indented = (text) =>
    text
      .split('\n')
      .slice(0, 12)
      .map((line) => `      ${line.slice(0, 300)}`)
      .join('\n');
  for (const file of files.filter(({ status }) => status === 'failed')) {
    const name = file.name.slice(root.length + 1);
    const tests = file.assertionResults.filter(({ status }) => status === 'failed');
    if (tests.length === 0) console.log(`failed: ${name}\n${indented(file.message ?? '')}`);
    for (const test of tests)
      console.log(`failed: ${name} > ${test.fullName}\n${indented((test.failureMessages ?? []).join('\n'))}`);
  }
}

/** What needs a KVM that runs unmodified kernels: booted here in QEMU. Building and booting that host needs root. */
function runKvmSmoke() {
  const asRoot = process.getuid?.() === 0 ? [] : ['sudo', '-n'];
  if (asRoot.length > 0 && spawnSync('sudo', ['-n', 'true']).status !== 0) {
    console.log(
      '\nnested KVM host: skipped, it is built and started by root; run "sudo npm test" or "sudo npm run test:kvm"',
    );
    return { passed: 0, failed: 0, skipped: 1 };
  }
  rmSync(KVM_REPORT, { force: true });
  const [program, ...args] = [...asRoot, process.execPath, 'test/kvm-host/test-kvm.mjs', '--smoke'];
  const run = spawnSync(program, args, { cwd: ROOT, stdio: 'inherit' });
  try {
    const { passed, failed, skipped, results } = JSON.parse(readFileSync(KVM_REPORT, 'utf8'));
    const failures = results.flatMap((part) => part.failures.map((why) => `as ${part.who}: ${part.name}: ${why}`));
    return { passed, failed: failed + (run.status !== 0 && failed === 0 ? 1 : 0), skipped, failures };
  } catch (cause) {
    console.log(`the nested KVM host left no report: ${cause}`); // it could not be built or started: the lines above say why
    return { passed: 0, failed: 1, skipped: 0 };
  }
}

/** The suite's own promise: no process of ours survives it. */
function checkLeftovers(before) {
  const known = new Set(before.map((process) => process.pid));
  const left = boxliteProcesses().filter((process) => !known.has(process.pid));
  console.log(`check: no process is left behind: ${left.length === 0 ? 'ok' : 'FAILED'}`);
  for (const { pid, command } of left) console.log(`  ${pid} ${command}`);
  return left.length === 0 ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 };
}

const full = process.argv.includes('--full');
const extra = process.argv.slice(2).filter((argument) => argument !== '--full');

if (!setUp({ groups: ['build', 'run', 'test'] })) process.exit(1);
const before = boxliteProcesses();
const checks = extra.length === 0 ? runChecks() : { passed: 0, failed: 0, failedChecks: [] };
const tests = runVitest(extra);
const kvm = extra.length === 0 ? runKvmSmoke() : { passed: 0, failed: 0, skipped: 0 };
const leftovers = checkLeftovers(before);
const passed = checks.passed + tests.passed + kvm.passed + leftovers.passed;
const failed =
  checks.failed + tests.failed + kvm.failed + leftovers.failed + (tests.exit !== 0 && tests.failed === 0 ? 1 : 0);
const skippedCount = (tests.skipped ?? 0) + kvm.skipped;
const skipped = skippedCount === 0 ? '' : `, ${skippedCount} skipped`;
if (failed > 0) {
  console.log('');
  for (const name of checks.failedChecks) console.log(`failed: check ${name}`);
  tests.sayFailures?.();
  if (kvm.failed > 0) console.log(`failed: ${kvm.failed} in the nested KVM host`);
  for (const failure of kvm.failures ?? []) console.log(`      ${failure}`);
  if (leftovers.failed > 0) console.log('failed: a process is left behind, see above');
}
console.log(`\n${passed} passed, ${failed} failed${skipped}`);
process.exitCode = failed === 0 ? 0 : 1;
