import { execFileSync } from 'node:child_process';
import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const SOURCE = fileURLToPath(new URL('../native/jail-probe.c', import.meta.url));
const FLAGS = ['-std=c11', '-D_GNU_SOURCE', '-Wall', '-Wextra', '-Werror', '-O2', '-static'];

/** Static, as a jail without a library in it needs it. @returns the path of the program, which everybody may run */
export function compileProbe(directory) {
  const program = join(directory, 'jail-probe');
  execFileSync('musl-gcc', [...FLAGS, '-o', program, SOURCE]);
  chmodSync(program, 0o755);
  return program;
}
