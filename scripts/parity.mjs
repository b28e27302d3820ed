#!/usr/bin/env node
// Makes architecture/parity.md, feature by VMM, from what the end-to-end suite did on each.
//   node scripts/parity.mjs --record <environment> <vitest JSON report>...   keeps the results of a run (and writes the table)
//   node scripts/parity.mjs                                                  writes the table
//   node scripts/parity.mjs --check                                          fails when the table is not what the results make
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const TABLE = 'architecture/parity.md';
const RESULTS = 'architecture/parity-results.json';
const FEATURES = 'test/support/features.json';

/** Where the suite runs; the key of a column is what `--record` is given. */
export const ENVIRONMENTS = {
  'qemu-tcg': { vmm: 'qemu', title: 'QEMU without KVM' },
  'qemu-kvm': { vmm: 'qemu', title: 'QEMU with KVM' },
  libkrun: { vmm: 'libkrun', title: 'libkrun' },
};

/**
 * Counts what became of the tests of each feature.
 * @param {Record<string, { tests: readonly string[] }>} features
 * @param {readonly { testResults: readonly { name: string, assertionResults: readonly { fullName: string, status: string }[] }[] }[]} reports
 * @returns {Record<string, { passed: number, failed: number, skipped: number }>} only features of which something ran
 */
export function countResults(features, reports) {
  const tests = reports.flatMap(({ testResults }) =>
    testResults.flatMap(({ name, assertionResults }) => {
      const file = /test\/e2e\/(.+)\.test\.ts$/.exec(name)?.[1];
      return file === undefined ? [] : assertionResults.map(({ fullName, status }) => ({ file, fullName, status }));
    }),
  );
  const counted = Object.entries(features).map(([id, feature]) => {
    const own = tests.filter(({ file, fullName }) =>
      feature.tests.some((pattern) => {
        const [wanted, title = ''] = pattern.split(' > ');
        return wanted === file && fullName.startsWith(title);
      }),
    );
    const count = (/** @type {(status: string) => boolean} */ matches) =>
      own.filter(({ status }) => matches(status)).length;
    const passed = count((status) => status === 'passed');
    const failed = count((status) => status === 'failed');
    return /** @type {const} */ ([id, { passed, failed, skipped: own.length - passed - failed }]);
  });
  return Object.fromEntries(counted.filter(([, { passed, failed, skipped }]) => passed + failed + skipped > 0));
}

/** @param {{ passed: number, failed: number, skipped: number } | undefined} result */
function verdictOf(result) {
  if (result === undefined) return 'not run';
  if (result.failed > 0) return 'failed';
  return result.passed > 0 ? 'yes' : 'no';
}

/**
 * @param {Record<string, { title: string, tests: readonly string[], gaps?: Record<string, string> }>} features
 * @param {Record<string, { recorded: string, features: Record<string, { passed: number, failed: number, skipped: number }> }>} results
 * @returns {{ markdown: string, problems: string[] }} problems: gaps without a reason, and reasons without a gap
 */
export function parityTable(features, results) {
  const problems = [];
  const columns = Object.entries(ENVIRONMENTS);
  /** @type {string[]} */
  const notes = [];
  const rows = Object.entries(features).map(([id, { title, gaps = {} }]) => {
    const cells = columns.map(([environment, { vmm }]) => {
      const result = results[environment]?.features[id];
      const verdict = verdictOf(result);
      const reason = gaps[vmm];
      if (verdict === 'no' && reason === undefined) problems.push(`${id}: skipped on ${environment} without a reason`);
      if (verdict === 'yes' && reason !== undefined)
        problems.push(`${id}: works on ${environment}, and is listed as a gap`);
      if (result === undefined) return 'not run';
      if (verdict === 'failed') return `**failed** (${result.failed} of ${result.failed + result.passed})`;
      if (verdict === 'yes') return `yes (${result.passed})`;
      if (!notes.includes(reason ?? '')) notes.push(reason ?? '');
      return `no [${notes.indexOf(reason ?? '') + 1}]`;
    });
    return [title, ...cells];
  });
  for (const [environment, { features: counted }] of Object.entries(results)) {
    if (!(environment in ENVIRONMENTS)) problems.push(`results of the unknown environment ${environment}`);
    for (const id of Object.keys(counted)) if (!(id in features)) problems.push(`results of the unknown feature ${id}`);
  }
  const recorded = columns
    .filter(([environment]) => results[environment] !== undefined)
    .map(([environment, { title }]) => `${title}: ${results[environment]?.recorded}`);
  const markdown = [
    '# What each VMM can do',
    '',
    'Made by `node scripts/parity.mjs` from what the end-to-end suite did on each VMM (`parity-results.json`); not edited by hand. In',
    'parentheses: how many tests show it.',
    '',
    ...markdownTable(['feature', ...columns.map(([, { title }]) => title)], rows),
    '',
    ...notes.map((note, index) => `[${index + 1}] ${note}`).flatMap((line) => [line, '']),
    `Recorded: ${recorded.length === 0 ? 'nothing yet' : recorded.join('; ')}.`,
    '',
  ].join('\n');
  return { markdown, problems };
}

/**
 * Columns as wide as their widest cell, as the formatter of this repository has them.
 * @param {readonly string[]} header
 * @param {readonly (readonly string[])[]} rows
 */
function markdownTable(header, rows) {
  const widths = header.map((_cell, column) => Math.max(...[header, ...rows].map((row) => (row[column] ?? '').length)));
  const line = (/** @type {readonly string[]} */ cells) =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  return [line(header), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)];
}

/** @param {string} path relative to the repository */
const readJson = (path) => JSON.parse(readFileSync(join(ROOT, path), 'utf8'));

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [mode, environment = '', ...reports] = process.argv.slice(2);
  const features = readJson(FEATURES);
  const results = readJson(RESULTS);
  if (mode === '--record') {
    if (!(environment in ENVIRONMENTS)) {
      console.error(`${environment} is none of ${Object.keys(ENVIRONMENTS).join(', ')}`);
      process.exit(2);
    }
    const counted = countResults(
      features,
      reports.map((path) => JSON.parse(readFileSync(path, 'utf8'))),
    );
    const before = results[environment]?.features ?? {};
    results[environment] = { recorded: new Date().toISOString().slice(0, 10), features: { ...before, ...counted } };
    writeFileSync(join(ROOT, RESULTS), `${JSON.stringify(results, null, 2)}\n`);
  }
  const { markdown, problems } = parityTable(features, results);
  if (mode === '--check' && readFileSync(join(ROOT, TABLE), 'utf8') !== markdown) {
    problems.push(`${TABLE} is not what ${RESULTS} makes: run node scripts/parity.mjs`);
  }
  if (mode !== '--check') writeFileSync(join(ROOT, TABLE), markdown);
  for (const problem of problems) console.error(`parity: ${problem}`);
  process.exitCode = problems.length === 0 ? 0 : 1;
}
