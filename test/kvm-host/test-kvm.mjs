#!/usr/bin/env node
// `npm run test:kvm`: what needs a real KVM, run in nested hosts, as root and as an ordinary user. `--smoke` is the part `npm test` runs.
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { PassThrough } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { setUp } from '../../scripts/setup.mjs';
import { plan, SLOWNESS, vitestArguments } from './kvm-suites.mjs';
import { runInKvmHost } from './run-in-kvm-host.mjs';
import { selfTest } from './self-test.mjs';
import { summary, table } from './summary.mjs';

const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const REPORT = join(ROOT, '.cache/kvm-report.json');
/** Of the boot, the self-test and a box. With the suites of the smoke part it stays below this too. */
const LIMIT_SECONDS = 900;
const WHO = { root: 'root', ordinary: 'ordinary user in group kvm' };

const { values } = parseArgs({
  options: {
    smoke: { type: 'boolean' },
    only: { type: 'string' },
    file: { type: 'string', multiple: true },
    user: { type: 'string' },
  },
});
const asked = { smoke: values.smoke === true, only: values.only, files: values.file ?? [] };
const abort = new AbortController();
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'])
  process.once(name, () => abort.abort(new Error(`stopped by ${name}`)));
const boots = plan(asked).filter(({ user }) => values.user === undefined || user === values.user);

/** The machine under the nested host. `kvm_pvm` answers like KVM and runs no unmodified kernel; elsewhere any answer may be right. */
async function outerSelfTest() {
  const begin = Date.now();
  const { state, reason = '' } = await selfTest();
  const isPvm = existsSync('/sys/module/kvm_pvm');
  const isRight = !isPvm || state === 'cannot-run-unmodified-kernel';
  console.log(`KVM of this machine: ${state}${reason && ` (${reason})`}`);
  const name = `KVM self-test: ${isPvm ? 'present but cannot run an unmodified kernel' : 'answers'}`;
  return {
    ...{ who: 'this machine', name, passed: Number(isRight), failed: Number(!isRight), skipped: 0 },
    ...{ failures: isRight ? [] : [`it says ${state}`], seconds: (Date.now() - begin) / 1000 },
  };
}

/** Transforms every module that the tests import, here, where it is quick; the host reads the cache. */
function fillModuleCache(suites) {
  if (suites.length === 0) return;
  const files = [...new Set(suites.flatMap((suite) => suite.files))];
  const run = spawnSync(process.execPath, ['node_modules/vitest/vitest.mjs', 'list', ...vitestArguments({ files })], {
    cwd: ROOT,
    env: { ...process.env, BOXLITE_KVM_HOST: '1' },
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  if (run.status !== 0)
    console.log(`(the module cache could not be filled, so the host transforms itself: ${run.stderr})`);
}

/** Built here: the ordinary user of the host owns no directory of the checkout. */
function buildKernelProbes(suites) {
  if (!suites.some(({ files }) => files.some((file) => file.startsWith('test/kernel/')))) return;
  const { status, stderr } = spawnSync('make', ['-C', join(ROOT, 'test/kernel/native')], { encoding: 'utf8' });
  if (status !== 0) console.log(`(the probes of the kernel could not be built: ${stderr})`);
}

/** For `node scripts/parity.mjs --record <column> .cache/kvm-<column>-<user>.json`. */
function keepReport(name, report) {
  mkdirSync(dirname(REPORT), { recursive: true });
  writeFileSync(join(dirname(REPORT), `kvm-${name}.json`), JSON.stringify(report));
}

async function boot({ user, runsBox, suites }) {
  const who = WHO[user];
  console.log(`\nbooting a KVM host; in it, as ${who}:`);
  const results = [];
  const stdout = new PassThrough();
  const lines = createInterface({ input: stdout });
  const allRead = once(lines, 'close');
  lines.on('line', (line) => {
    if (!line.startsWith('{')) return console.log(line);
    const { report, ...told } = JSON.parse(line);
    const result = { who, ...told };
    const suite = suites.find(({ name }) => name === result.name);
    if (report !== undefined) keepReport(`${suite.parity}-${user}`, report);
    results.push(result);
    console.log(`${result.name}: ${result.passed} passed, ${result.failed} failed (${result.seconds.toFixed(0)} s)`);
  });
  const begin = Date.now();
  const failures = [];
  try {
    const { status, bootSeconds } = await runInKvmHost({
      command: 'exec node test/kvm-host/inside.mjs',
      user,
      env: {
        ...{ BOXLITE_KVM_HOST: '1', BOXLITE_TEST_SLOW: String(SLOWNESS), BOXLITE_TEST_FULL: asked.smoke ? '' : '1' },
        ...{ BOXLITE_KVM_PLAN: JSON.stringify({ runsBox, suites }), NO_COLOR: '1' },
      },
      timeoutSeconds: suites.reduce((sum, { limitSeconds }) => sum + (asked.smoke ? 0 : limitSeconds), LIMIT_SECONDS),
      stdout,
      signal: abort.signal,
    });
    const all = ((Date.now() - begin) / 1000).toFixed(0);
    console.log(`host: ${bootSeconds.toFixed(1)} s to its first command, ${all} s in all`);
    if (status !== 0) failures.push(`its command ended with ${status}`);
  } catch (cause) {
    failures.push(cause.message);
  }
  stdout.end();
  await allRead;
  const expected = 1 + Number(runsBox) + suites.length;
  if (results.length < expected) failures.push(`${results.length} of ${expected} parts ran`);
  if (failures.length === 0) return results;
  return [...results, { who, name: 'the host', passed: 0, failed: 1, skipped: 0, failures, seconds: 0 }];
}

// `npm test` has done so already when it comes to the smoke part.
if (!asked.smoke && !setUp({ groups: ['build', 'run', 'test'] })) process.exit(1);
const results = [await outerSelfTest()];
const suites = boots.flatMap((each) => each.suites);
buildKernelProbes(suites);
fillModuleCache(suites);
for (const each of boots) {
  if (abort.signal.aborted) break;
  results.push(...(await boot(each)));
}
const counts = summary(results);
console.log(`\n${table(results)}`);
for (const { who, name, failures } of results) {
  for (const failure of failures) console.log(`FAILED as ${who}: ${name}: ${failure}`);
}
mkdirSync(dirname(REPORT), { recursive: true });
writeFileSync(REPORT, JSON.stringify({ ...counts, results }, undefined, 2));
console.log(
  `\n${counts.passed} passed, ${counts.failed} failed${counts.skipped === 0 ? '' : `, ${counts.skipped} skipped`}`,
);
process.exitCode = counts.failed === 0 ? 0 : 1;
