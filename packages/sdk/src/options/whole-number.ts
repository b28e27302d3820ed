import * as z from 'zod';

/** @param unit follows the greatest value in what the error says, such as " MiB" */
export function wholeNumber(least: number, most: number, unit: string) {
  const rule = `must be a whole number from ${least} to ${most}${unit}`;
  return z.number(rule).int(rule).min(least, rule).max(most, rule);
}
