/**
 * SIGKILL for a detached child and everything it started.
 * @param {import('node:child_process').ChildProcess} child
 */
export function killGroup(child) {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch (cause) {
    if (cause.code !== 'ESRCH') throw cause; // gone already: what was wanted
  }
}
