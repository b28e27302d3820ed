import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const native = fileURLToPath(new URL('../../native/', import.meta.url));

/** Makes a target of native/Makefile. @returns the directory of what is built */
export function buildNative(target: 'shim' | 'fixtures' | 'sanitized'): string {
  execFileSync('make', ['-s', '-C', native, target], { stdio: ['ignore', 'ignore', 'inherit'] });
  return `${native}build/`;
}

/** Compiles the library that plays libkrun without some of its functions. */
export function fixtureWithout(path: string, ...names: string[]): string {
  const source = `${native}test/fixture-libkrun.c`;
  const flags = names.map((name) => `-DWITHOUT_${name}`);
  execFileSync('gcc', ['-std=c11', '-D_GNU_SOURCE', '-w', '-fPIC', '-shared', ...flags, '-o', path, source]);
  return path;
}
