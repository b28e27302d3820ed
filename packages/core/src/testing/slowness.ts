/** How many times slower than usual this machine is; a nested virtual machine says so in `BOXLITE_TEST_SLOW`. */
export const SLOWNESS = Math.max(1, Number(process.env.BOXLITE_TEST_SLOW ?? 1) || 1);
