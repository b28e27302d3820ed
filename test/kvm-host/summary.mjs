/** @typedef {{ who: string, name: string, passed: number, failed: number, skipped: number, failures: string[], seconds: number }} Result */

/**
 * @param {Result[]} results
 * @returns {{ passed: number, failed: number, skipped: number }}
 */
export function summary(results) {
  const sum = (field) => results.reduce((total, result) => total + result[field], 0);
  return { passed: sum('passed'), failed: sum('failed'), skipped: sum('skipped') };
}

/**
 * @param {Result[]} results
 * @returns {string} lines in columns
 */
export function table(results) {
  const rows = [
    ['as', 'what', 'passed', 'failed', 'skipped', 'seconds'],
    ...results.map(({ who, name, passed, failed, skipped, seconds }) => [
      ...[who, name, String(passed), String(failed), String(skipped), seconds.toFixed(1)],
    ]),
  ];
  const widths = rows[0].map((_title, column) => Math.max(...rows.map((row) => row[column].length)));
  return rows
    .map((row) =>
      row.map((cell, column) => (column < 2 ? cell.padEnd(widths[column]) : cell.padStart(widths[column]))).join('  '),
    )
    .join('\n');
}
