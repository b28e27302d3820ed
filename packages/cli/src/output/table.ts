import { escapeLine } from '@boxlite/core';

/**
 * Aligned columns, control characters escaped. The last one is not padded.
 * @param header column titles
 * @param rows cells, as many as titles
 */
export function formatTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [header, ...rows].map((row) => row.map((cell) => escapeLine(cell)));
  const widths = header.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]) =>
    row.map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd(widths[column] ?? 0))).join('   ');
  return all.map(line).join('\n');
}
