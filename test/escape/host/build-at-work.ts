import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The program `at-work`, built for one test file. */
export function buildAtWork(): { readonly program: string; remove(): void } {
  const directory = mkdtempSync(join(tmpdir(), 'boxlite-at-work-'));
  // A box of root's runs as another user.
  chmodSync(directory, 0o755);
  const program = join(directory, 'at-work');
  const source = fileURLToPath(new URL('at-work.c', import.meta.url));
  const flags = ['-std=c11', '-Wall', '-Wextra', '-Werror', '-O2', '-static'];
  execFileSync('musl-gcc', [...flags, '-o', program, source], { stdio: 'inherit' });
  return { program, remove: () => rmSync(directory, { recursive: true, force: true }) };
}
