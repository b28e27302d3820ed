import { execFile, spawnSync } from 'node:child_process';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** What a library made for a test is like. */
export interface CompiledLibrary {
  /** Functions besides `krun_create_ctx` that do nothing. */
  readonly functions?: readonly string[];
  /** Body of `krun_has_feature`; without it the function is missing. */
  readonly hasFeature?: string;
  /** Body of `krun_get_max_vcpus`; without it the function is missing. */
  readonly maxVcpus?: string;
  /** More C at the end. */
  readonly extra?: string;
  readonly compiler?: string;
  readonly flags?: readonly string[];
  readonly withoutContext?: boolean;
}

/** Compiles a real shared library at a path. Its `krun_create_ctx` ends the process: nobody may call it. */
export async function compileLibkrun(path: string, library: CompiledLibrary = {}): Promise<string> {
  const lines = [
    '#include <stdint.h>',
    '#include <stdlib.h>',
    ...(library.withoutContext === true ? [] : ['int32_t krun_create_ctx(void) { abort(); }']),
    ...(library.functions ?? []).map((name) => `int32_t ${name}(void) { return 0; }`),
    ...(library.hasFeature === undefined
      ? []
      : [`int32_t krun_has_feature(uint64_t feature) { ${library.hasFeature} }`]),
    ...(library.maxVcpus === undefined ? [] : [`int32_t krun_get_max_vcpus(void) { ${library.maxVcpus} }`]),
    library.extra ?? '',
  ];
  await mkdir(dirname(path), { recursive: true });
  const source = `${path}.c`;
  await writeFile(source, lines.join('\n'));
  await run(library.compiler ?? 'gcc', ['-shared', '-fPIC', '-o', path, source, ...(library.flags ?? [])]);
  await rm(source);
  return path;
}

/** Why libraries cannot be compiled here, as the end of a test's title; empty where they can. */
export function compilerAbsence(compiler = 'gcc'): string {
  const { error } = spawnSync(compiler, ['--version'], { stdio: 'ignore' });
  return error === undefined ? '' : ` (skipped: no ${compiler} here)`;
}
