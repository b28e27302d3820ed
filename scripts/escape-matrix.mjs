#!/usr/bin/env node
// Makes packages/jailer/escape-matrix.md, attempt by layer by host, from what became of the attempts of test/escape.
//   node scripts/escape-matrix.mjs --record <file of test/escape/record.mjs>...   keeps results (and writes the table)
//   node scripts/escape-matrix.mjs                                                writes the table
//   node scripts/escape-matrix.mjs --check                                        fails when it is not what the results make, or one came out
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ATTEMPTS, ENVIRONMENTS, isDeclared, LAYERS } from '../test/escape/environments.mjs';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const TABLE = 'packages/jailer/escape-matrix.md';
const RESULTS = 'packages/jailer/escape-results.json';

/**
 * @typedef {string} Row what became of one attempt, a letter for each of LAYERS: out, held, impossible here, - not made
 * @typedef {{ recorded: string, kernel: string, landlock: number, told: string[], layers: string[], attempts: Record<string, Row> }} Result
 */

const MARKS = { out: '○', held: '●', notHere: '·' };

/** The letter of one layer. */
const letterOf = (/** @type {Row | undefined} */ row, /** @type {string} */ layer) =>
  row?.[LAYERS.indexOf(layer)] ?? '-';

/** One mark: nothing is held where nothing could come out. */
function markOf(/** @type {Row | undefined} */ row, /** @type {string} */ layer) {
  const became = letterOf(row, layer);
  if (letterOf(row, 'none') !== 'o' || !'oh'.includes(became)) return MARKS.notHere;
  return became === 'o' ? MARKS.out : MARKS.held;
}

/**
 * @param {typeof ATTEMPTS} attempts
 * @param {Record<string, Result>} results
 * @returns {string[]} what is not as it is declared: an attempt that comes out, a layer that does not stop what it is said to
 */
export function problemsOf(attempts, results) {
  const problems = [];
  for (const [name, result] of Object.entries(results)) {
    const environment = ENVIRONMENTS[name];
    if (environment === undefined) {
      problems.push(`results of the unknown environment ${name}`);
      continue;
    }
    const where = { uid: environment.uid, policy: environment.policy, landlock: result.landlock };
    const hasCgroup = Object.values(result.attempts).some((row) => letterOf(row, 'cgroup') !== '-');
    for (const attempt of Object.keys(result.attempts)) {
      if (attempts[attempt] === undefined) problems.push(`${name}: results of the unknown attempt ${attempt}`);
    }
    for (const [attempt, { stops, open }] of Object.entries(attempts)) {
      const row = result.attempts[attempt];
      if (row === undefined) {
        problems.push(`${name}: ${attempt} was not made`);
        continue;
      }
      const isOpen = open?.when === 'no-cgroup' && !hasCgroup;
      if (letterOf(row, 'all') === 'o' && !isOpen) problems.push(`${name}: ${attempt} comes out with all layers on`);
      if (letterOf(row, 'none') !== 'o') continue;
      for (const layer of LAYERS.filter((each) => isDeclared(stops, each, where))) {
        if (letterOf(row, layer) === 'o')
          problems.push(`${name}: ${attempt} is declared to be stopped by ${layer} alone, and is not`);
      }
    }
  }
  const anyCgroup = Object.values(results).some(({ attempts: made }) =>
    Object.values(made).some((row) => letterOf(row, 'cgroup') !== '-'),
  );
  for (const [attempt, { open }] of Object.entries(attempts)) {
    if (open?.when === 'no-cgroup' && !anyCgroup) continue;
    const rows = Object.values(results).flatMap(({ attempts: made }) => made[attempt] ?? []);
    const possible = rows.filter((row) => letterOf(row, 'none') === 'o');
    const stoppedAlone = possible.some((row) => LAYERS.some((each) => each !== 'all' && letterOf(row, each) === 'h'));
    if (possible.length > 0 && !stoppedAlone) problems.push(`${attempt}: no layer alone stops it anywhere`);
  }
  return problems;
}

/**
 * @param {typeof ATTEMPTS} attempts
 * @param {Record<string, Result>} results
 * @returns {string} the page
 */
export function matrixPage(attempts, results) {
  const environments = Object.entries(ENVIRONMENTS).filter(([name]) => results[name] !== undefined);
  const marksOf = (/** @type {string} */ attempt, /** @type {string} */ layer) =>
    environments.map(([name]) => markOf(results[name]?.attempts[attempt], layer)).join('');
  const columns = LAYERS.filter((layer) => layer !== 'none');
  const topics = [...new Set(Object.values(attempts).map(({ topic }) => topic))];
  const possible = Object.keys(attempts).filter((attempt) => marksOf(attempt, 'none').includes(MARKS.out));
  const tables = topics.flatMap((topic) => {
    const rows = Object.keys(attempts)
      .filter((attempt) => attempts[attempt]?.topic === topic)
      .map((attempt) => [attempt, ...['none', ...columns].map((layer) => marksOf(attempt, layer))]);
    return ['', `## ${topic}`, '', ...markdownTable(['attempt', 'none', ...columns], rows)];
  });
  const notes = Object.entries(attempts).flatMap(([attempt, { open }]) =>
    open === undefined ? [] : [`- \`${attempt}\`: ${open.why}`],
  );
  return [
    '# What a VMM that was broken into tried, and which layer stopped it',
    '',
    'Made by `node scripts/escape-matrix.mjs` from recorded runs of `test/escape` (`escape-results.json`); not edited by hand. A hostile program takes the',
    "VMM's place in the jail the SDK builds for a box. Each cell has one mark for each place, in this order:",
    '',
    ...environments.map(([name, { title }], index) => {
      const { kernel, landlock, recorded } = /** @type {Result} */ (results[name]);
      return `${index + 1}. ${title} (Linux ${kernel}, Landlock ${landlock}; recorded ${recorded})`;
    }),
    '',
    `${MARKS.out} it came out; ${MARKS.held} it was stopped; ${MARKS.notHere} nothing to see: with all layers off it fails there, too (only root may, no such device or`,
    'system call), or the layer is not there (no cgroup v2), or it was not tried under this layer alone because it takes seconds. `none`: all layers off, as',
    'the same user. The columns between are one layer alone; `view` is bubblewrap with the namespaces, `descriptors` the supervisor without any sandbox.',
    '',
    `${Object.keys(attempts).length} attempts, ${possible.length} of which come out somewhere with all layers off.`,
    ...tables,
    '',
    ...(notes.length === 0 ? [] : ['## Not stopped by all layers together', '', ...notes, '']),
  ].join('\n');
}

/**
 * Columns as wide as their widest cell, as the formatter of this repository has them.
 * @param {readonly string[]} header
 * @param {readonly (readonly string[])[]} rows
 */
function markdownTable(header, rows) {
  const widths = header.map((_cell, column) =>
    Math.max(3, ...[header, ...rows].map((row) => (row[column] ?? '').length)),
  );
  const line = (/** @type {readonly string[]} */ cells) =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  return [line(header), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)];
}

/** @param {string} path */
const readJson = (path) => JSON.parse(readFileSync(path, 'utf8'));

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [mode, ...files] = process.argv.slice(2);
  const results = readJson(join(ROOT, RESULTS));
  if (mode === '--record') {
    for (const file of files) {
      for (const line of readFileSync(file, 'utf8').split('\n').filter(Boolean))
        Object.assign(results, JSON.parse(line));
    }
    writeFileSync(join(ROOT, RESULTS), `${JSON.stringify(results, null, 2)}\n`);
  }
  const page = matrixPage(ATTEMPTS, results);
  const problems = problemsOf(ATTEMPTS, results);
  if (mode === '--check' && readFileSync(join(ROOT, TABLE), 'utf8') !== page) {
    problems.push(`${TABLE} is not what ${RESULTS} makes: run node scripts/escape-matrix.mjs`);
  }
  if (mode !== '--check') writeFileSync(join(ROOT, TABLE), page);
  for (const problem of problems) console.error(`escape matrix: ${problem}`);
  console.log(
    `escape matrix: ${Object.keys(ATTEMPTS).length} attempts, ${Object.keys(results).length} places, ${problems.length} problems`,
  );
  process.exitCode = problems.length === 0 ? 0 : 1;
}
