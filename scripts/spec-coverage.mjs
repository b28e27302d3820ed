#!/usr/bin/env node
// Checks architecture/spec-coverage.md: every rule names a test that exists, or says "open" with a reason.
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const TABLE = 'architecture/spec-coverage.md';
const SECTIONS = ['1', '2', '3', '4'];

/**
 * A row is `| 1.07 | rule | where |`; `where` is `open: reason`, or one or more of `` `file` "words of the test's title" ``.
 * @param {string} markdown
 */
export function parseCoverage(markdown) {
  return markdown
    .split('\n')
    .filter((line) => /^\|\s*\d+\.\d+\s*\|/.test(line))
    .map((line) => {
      const [, id, rule, where] = line.split(/(?<!\\)\|/).map((cell) => cell.trim());
      const tests = [...(where ?? '').matchAll(/`([^`]+)`\s+"((?:[^"\\]|\\.)*)"/g)].map(([, file, title]) => ({
        file,
        title,
      }));
      return { id, rule, where: where ?? '', tests, open: /^open: \S/.test(where ?? '') };
    });
}

/**
 * @param {ReturnType<typeof parseCoverage>} rows
 * @param {(file: string) => string | undefined} readFile
 * @returns {string[]} what is wrong, a line each
 */
export function checkCoverage(rows, readFile) {
  const problems = [];
  const seen = new Set();
  for (const { id, rule, where, tests, open } of rows) {
    if (seen.has(id)) problems.push(`${id}: the number is used twice`);
    seen.add(id);
    if (!rule) problems.push(`${id}: no rule`);
    if (!open && tests.length === 0) problems.push(`${id}: names no test and is not "open: reason": ${where}`);
    for (const { file, title } of tests) {
      const text = readFile(file);
      if (text === undefined) problems.push(`${id}: ${file} does not exist`);
      else if (!text.replaceAll("\\'", "'").includes(title)) problems.push(`${id}: ${file} has no test "${title}"`);
    }
  }
  for (const section of SECTIONS) {
    if (!rows.some(({ id }) => id.startsWith(`${section}.`))) problems.push(`section ${section} has no rows`);
  }
  return problems;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const rows = parseCoverage(readFileSync(join(ROOT, TABLE), 'utf8'));
  const problems = checkCoverage(rows, (file) => {
    const path = join(ROOT, file);
    return existsSync(path) ? readFileSync(path, 'utf8') : undefined;
  });
  for (const problem of problems) console.error(`${TABLE}: ${problem}`);
  const open = rows.filter((row) => row.open).length;
  console.log(`spec coverage: ${rows.length} rules, ${rows.length - open} shown by tests, ${open} open`);
  process.exitCode = problems.length === 0 ? 0 : 1;
}
