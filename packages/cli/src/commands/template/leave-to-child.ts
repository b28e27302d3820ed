import { spawn } from 'node:child_process';
import type { WantedTemplate } from '@boxlite/sdk';

/**
 * Leaves templates to be made to a process of their own, which goes on after this one: a command that is over in a second does not wait for them. It
 * runs this very program, at a low priority, and says nothing.
 * @param globals words before the command, such as `--home DIR`
 */
export function leaveToChild(wanted: readonly WantedTemplate[], globals: readonly string[]): void {
  const [program] = process.argv.slice(1);
  if (program === undefined || wanted.length === 0) return;
  const args = [program, ...globals, 'template', 'build', '--quiet', '--wanted', JSON.stringify(wanted)];
  const child = spawn(process.execPath, args, { detached: true, stdio: 'ignore' });
  // What becomes of it is seen by the next start.
  child.on('error', () => undefined);
  child.unref();
}
