import { summarize } from './statistics.mjs';

/**
 * What a bench returns.
 * @param series name, samples and unit of each, in the order of the table
 * @param comparisons what the targets are about: `{ name, unit, min, p50, p95, target? }`, a target being the most that is allowed of p50
 */
export function report(series, comparisons = []) {
  return {
    series: series.map(({ name, samples, unit }) => ({ name, unit, ...summarize(samples), samples })),
    comparisons: comparisons.map((comparison) => ({
      ...comparison,
      ...(comparison.target === undefined ? {} : { met: comparison.p50 <= comparison.target }),
    })),
  };
}

/** One table for all benches. */
export function formatTable(results) {
  const rows = [['bench', 'figure', 'n', 'min', 'p50', 'p95', 'unit', 'target']];
  for (const { name, series, comparisons } of results) {
    for (const { name: figure, n, min, p50, p95, unit } of series) {
      rows.push([name, figure, String(n), format(min), format(p50), format(p95), unit, '']);
    }
    for (const { name: figure, min, p50, p95, unit, target, met } of comparisons) {
      const verdict = target === undefined ? '' : `<= ${target} ${met ? 'met' : 'MISSED'}`;
      rows.push([name, `= ${figure}`, '', format(min), format(p50), format(p95), unit, verdict]);
    }
  }
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  const isNumber = (column) => column >= 2 && column <= 5;
  const line = (row) =>
    row
      .map((cell, column) => (isNumber(column) ? cell.padStart(widths[column]) : cell.padEnd(widths[column])))
      .join('  ');
  return rows.map((row) => line(row).trimEnd()).join('\n');
}

function format(value) {
  if (value === undefined) return '';
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : Math.abs(value) >= 0.1 ? 2 : 3;
  return value.toFixed(digits);
}
