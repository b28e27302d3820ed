import type { Attempt } from '../test/escape/environments.mjs';

export interface Result {
  readonly recorded: string;
  readonly kernel: string;
  readonly landlock: number;
  readonly told: readonly string[];
  readonly layers: readonly string[];
  /** A letter for each of `LAYERS`: out, held, impossible here, - not made. */
  readonly attempts: Readonly<Record<string, string>>;
}

export function problemsOf(
  attempts: Readonly<Record<string, Attempt>>,
  results: Readonly<Record<string, Result>>,
): string[];

export function matrixPage(
  attempts: Readonly<Record<string, Attempt>>,
  results: Readonly<Record<string, Result>>,
): string;
