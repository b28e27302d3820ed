export interface CoverageRow {
  readonly id: string;
  readonly rule: string;
  readonly where: string;
  readonly tests: readonly { readonly file: string; readonly title: string }[];
  readonly open: boolean;
}
export function parseCoverage(markdown: string): CoverageRow[];
export function checkCoverage(rows: readonly CoverageRow[], readFile: (file: string) => string | undefined): string[];
