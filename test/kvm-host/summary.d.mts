export interface Result {
  readonly who: string;
  readonly name: string;
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly failures: readonly string[];
  readonly seconds: number;
}
export function summary(results: readonly Result[]): { passed: number; failed: number; skipped: number };
export function table(results: readonly Result[]): string;
