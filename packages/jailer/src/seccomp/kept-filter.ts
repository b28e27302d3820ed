import { createHash, randomUUID } from 'node:crypto';
import { readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { errnoOf, type JailLayer } from '@boxlite/core';
import { BPF_INSTRUCTION_BYTES, BPF_MAX_INSTRUCTIONS } from './bpf.js';
import { type JailFilter, type JailFilterRequest, jailFilter } from './jail-filter.js';

/** A filter of 4096 instructions in base64, and the rest. */
const MAX_BYTES = 65_536;

interface SavedFilter {
  readonly key: string;
  readonly program: string;
  readonly layer: JailLayer;
}

/**
 * {@link jailFilter} with its result kept in a file, for programs that start one box and end: reading it takes a tenth of compiling it. What is kept
 * holds for one request and one build of this package; a damaged file counts as none, and one that cannot be written is done without. Blocks for one small file.
 * @param file in a directory of the caller's own; undefined: compiled anew
 * @throws BoxliteError as {@link jailFilter}
 */
export function keptFilter(request: JailFilterRequest, file: string | undefined): JailFilter {
  if (file === undefined || request.mode !== 'enforce' || request.policy === undefined) return jailFilter(request);
  const key = keyOf(request);
  const saved = load(file);
  if (saved?.key === key) {
    return { program: Buffer.from(saved.program, 'base64'), layer: saved.layer, degradations: [] };
  }
  const filter = jailFilter(request);
  const program = Buffer.from(filter.program ?? []).toString('base64');
  save(file, { key, program, layer: filter.layer });
  return filter;
}

/** Another policy, other switches, another architecture, or another build of the compiler: another filter. */
function keyOf({ networkEnabled, policy, switches, architecture }: JailFilterRequest): string {
  const own = statSync(fileURLToPath(import.meta.url), { bigint: true });
  const build = [own.ino, own.size, own.mtimeNs].map(String);
  const parts = [process.arch, architecture, networkEnabled, switches, policy, build];
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex');
}

function load(file: string): SavedFilter | undefined {
  try {
    const text = readFileSync(file, 'utf8');
    const value: unknown = text.length > MAX_BYTES ? undefined : JSON.parse(text);
    return isSavedFilter(value) ? value : undefined;
  } catch (thrown) {
    // Not there, unreadable or not JSON: compiled again and replaced.
    if (errnoOf(thrown) === undefined && !(thrown instanceof SyntaxError)) throw thrown;
    return undefined;
  }
}

function isSavedFilter(value: unknown): value is SavedFilter {
  if (typeof value !== 'object' || value === null) return false;
  const { key, program, layer } = value as Partial<Record<keyof SavedFilter, unknown>>;
  if (typeof key !== 'string' || typeof program !== 'string' || typeof layer !== 'object' || layer === null)
    return false;
  const { name, state, detail } = layer as Partial<Record<keyof JailLayer, unknown>>;
  const { length } = Buffer.from(program, 'base64');
  const isProgram =
    length > 0 && length % BPF_INSTRUCTION_BYTES === 0 && length <= BPF_MAX_INSTRUCTIONS * BPF_INSTRUCTION_BYTES;
  return isProgram && name === 'seccomp' && state === 'active' && typeof detail === 'string';
}

/** Written beside and renamed over: another process reads the old or the new one, never half. */
function save(file: string, filter: SavedFilter): void {
  const staged = `${file}.${randomUUID()}.tmp`;
  try {
    writeFileSync(staged, JSON.stringify(filter), { mode: 0o600, flag: 'wx' });
    renameSync(staged, file);
  } catch (thrown) {
    if (errnoOf(thrown) === undefined) throw thrown;
    // A full disk, a home that is going away: the next process compiles it again.
    rmSync(staged, { force: true });
  }
}
