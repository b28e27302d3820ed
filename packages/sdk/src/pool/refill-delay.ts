/** Between failures of a pool that fills itself, in milliseconds. */
const FIRST_DELAY_MS = 100;
const LONGEST_DELAY_MS = 30_000;

/**
 * How long a pool rests after its last starts have failed.
 * @param failures in a row, 1 or more
 * @returns milliseconds, doubled with each
 */
export function refillDelayMs(failures: number): number {
  return Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** (failures - 1));
}
