export function suiteOf(file: string): string;
export function suiteSeconds(
  files: readonly { readonly name: string; readonly startTime: number; readonly endTime: number }[],
  root: string,
): [string, number][];
export function budgetReport(seconds: readonly [string, number][], budget: Readonly<Record<string, number>>): string[];
