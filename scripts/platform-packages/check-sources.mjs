import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { NATIVE_BINARY_NAMES } from './platform-set.mjs';

/** What the README of a set that was never built must say, word for word. */
export const NOT_BUILT_SENTENCE = 'Nothing in this package has been built or run.';
/** First bytes of ELF and Mach-O files (32 and 64 bits, either byte order, universal) and of ar archives. */
const BINARY_MAGIC = ['7f454c46', 'feedface', 'feedfacf', 'cefaedfe', 'cffaedfe', 'cafebabe', '213c6172'];

/** What is wrong with a set that holds sources instead of binaries. */
export function sourceSetProblems(target, directory, version) {
  const problems = [];
  const plan = json(join(directory, 'manifest.json'));
  const list = json(join(directory, 'sources/manifest.json'));
  if (plan === undefined) return ['manifest.json is missing or is no JSON'];
  if (list === undefined) return ['sources/manifest.json is missing or is no JSON: build the set first'];
  if (plan.target !== target || plan.built !== false)
    problems.push(`manifest.json does not say that ${target} is not built`);
  if (list.version !== version) problems.push(`sources/manifest.json has version ${list.version}, not ${version}`);
  for (const name of NATIVE_BINARY_NAMES) problems.push(...plannedProblems(name, plan.files?.[name], directory));
  problems.push(...fileProblems(directory, list.files ?? {}));
  const readme = join(directory, 'README.md');
  if (!existsSync(readme) || !readFileSync(readme, 'utf8').includes(NOT_BUILT_SENTENCE)) {
    problems.push(`README.md does not say "${NOT_BUILT_SENTENCE}"`);
  }
  if (existsSync(join(directory, 'bin'))) problems.push('has a directory bin/, and nothing is built for it');
  return problems;
}

/** Each file of a set is either made from named sources, or it is said why it is not needed. */
function plannedProblems(name, planned, directory) {
  if (planned === undefined) return [`manifest.json says nothing about ${name}`];
  if (typeof planned.notNeeded === 'string' && planned.notNeeded !== '') return [];
  const sources = planned.sources ?? [];
  if (sources.length === 0) return [`manifest.json names no sources of ${name}`];
  return sources
    .filter((source) => !existsSync(join(directory, 'sources', source)))
    .map((source) => `sources/${source} is missing (${name})`);
}

function fileProblems(directory, listed) {
  const root = join(directory, 'sources');
  const present = readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => relative(root, join(entry.parentPath ?? entry.path, entry.name)))
    .filter((path) => path !== 'manifest.json');
  const problems = present
    .filter((path) => listed[path] === undefined)
    .map((path) => `sources/${path} is not in the manifest`);
  for (const [path, { sha256 }] of Object.entries(listed)) {
    if (!present.includes(path)) {
      problems.push(`sources/${path} is missing`);
      continue;
    }
    const bytes = readFileSync(join(root, path));
    if (BINARY_MAGIC.includes(bytes.toString('hex', 0, 4))) problems.push(`sources/${path} is a binary`);
    if (createHash('sha256').update(bytes).digest('hex') !== sha256)
      problems.push(`sources/${path} is not the file of the manifest`);
  }
  return problems;
}

function json(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return undefined; // Missing or damaged: the caller reports it.
  }
}
