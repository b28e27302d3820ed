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

/** Programs that judge the repository itself; each counts as one test. */
const CHECKS = [
  ['lint and format', 'node_modules/.bin/biome', ['check', '.']],
  ['types', 'node_modules/.bin/tsc', ['--noEmit', '-p', 'tsconfig.json']],
  ['dependency rule', 'node_modules/.bin/depcruise', ['--config', '.dependency-cruiser.cjs', 'packages', 'examples']],
  ['specification coverage', process.execPath, ['scripts/spec-coverage.mjs']],
  ['repository rules', process.execPath, ['scripts/repository-rules.mjs']],
];

function runChecks() {
  let failed = 0;
  for (const [name, program, args] of CHECKS) {
    const begin = Date.now();
    const run = spawnSync(program, args, { cwd: ROOT, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
    const verdict = run.status === 0 ? 'ok' : 'FAILED';
    console.log(`check: ${name}: ${verdict} (${((Date.now() - begin) / 1000).toFixed(1)} s)`);
    if (run.status !== 0) {
      failed += 1;
      console.log(`${run.stdout ?? ''}${run.stderr ?? run.error}`);
    }
  }
  return { passed: CHECKS.length - failed, failed };
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
    };
  } catch (cause) {
    console.log(`vitest left no report: ${cause}`); // it died: that is one failure, whatever it had run
    return { passed: 0, failed: 1, skipped: 0, exit: run.status };
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
const checks = extra.length === 0 ? runChecks() : { passed: 0, failed: 0 };
const tests = runVitest(extra);
const leftovers = checkLeftovers(before);
const passed = checks.passed + tests.passed + leftovers.passed;
const failed = checks.failed + tests.failed + leftovers.failed + (tests.exit !== 0 && tests.failed === 0 ? 1 : 0);
const skipped = tests.skipped === 0 ? '' : `, ${tests.skipped} skipped`;
console.log(`\n${passed} passed, ${failed} failed${skipped}`);
process.exitCode = failed === 0 ? 0 : 1;
