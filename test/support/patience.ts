/** How many times slower than an idle machine of today this one is; the nested KVM host says so in `BOXLITE_TEST_SLOW`. */
const SLOWNESS = Math.max(1, Number(process.env.BOXLITE_TEST_SLOW ?? 1) || 1);

/**
 * A time limit of a test, longer where the machine is slower. The default limits in vitest.config.mjs grow in the same way.
 * @param milliseconds what is plenty on an idle machine of today
 */
export function patience(milliseconds: number): number {
  return milliseconds * SLOWNESS;
}
