/**
 * Which suite a test file belongs to: its package, or the folder of `test/`.
 * @param {string} file relative to the repository
 */
export function suiteOf(file) {
  const parts = file.split('/');
  if (parts[0] === 'packages' || parts[0] === 'test') return parts.slice(0, 2).join('/');
  return parts[0] ?? file;
}

/**
 * Seconds each suite took, longest first.
 * @param {{ name: string, startTime: number, endTime: number }[]} files absolute names, milliseconds
 * @param {string} root the repository
 */
export function suiteSeconds(files, root) {
  const seconds = new Map();
  for (const { name, startTime, endTime } of files) {
    const suite = suiteOf(name.slice(root.length + 1));
    seconds.set(suite, (seconds.get(suite) ?? 0) + (endTime - startTime) / 1000);
  }
  return [...seconds].sort((a, b) => b[1] - a[1]);
}

/**
 * A line for each suite with its budget. Over budget is said, not failed: machines differ, and a slow one must not turn a suite red.
 * @param {[string, number][]} seconds
 * @param {Record<string, number>} budget seconds
 */
export function budgetReport(seconds, budget) {
  return seconds.map(([suite, took]) => {
    const allowed = budget[suite] ?? budget.default;
    const verdict = took > allowed ? '  over budget' : '';
    return `  ${suite.padEnd(26)} ${took.toFixed(1).padStart(7)} s of ${allowed} s${verdict}`;
  });
}
