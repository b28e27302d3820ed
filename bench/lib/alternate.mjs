/**
 * Runs the variants in turn, so that whatever disturbs the machine disturbs all of them alike.
 * @param variants name to a function that runs once and resolves with figures by name, in the units of the bench
 * @param options.warmUp rounds whose figures are thrown away
 * @param options.rotate whether each round begins with another variant; default true
 * @returns samples by figure's name
 */
export async function alternate(variants, { runs, warmUp = 0, rotate = true, progress = () => undefined }) {
  const names = Object.keys(variants);
  const samples = {};
  for (let round = -warmUp; round < runs; round += 1) {
    const turn = rotate ? Math.abs(round) % names.length : 0;
    for (const name of [...names.slice(turn), ...names.slice(0, turn)]) {
      const figures = await variants[name]();
      if (round < 0) continue;
      for (const [figure, value] of Object.entries(figures)) {
        samples[figure] ??= [];
        samples[figure].push(value);
      }
    }
    progress(round + 1, runs);
  }
  return samples;
}

/** Milliseconds an action takes. */
export async function timed(action) {
  const begun = performance.now();
  await action();
  return performance.now() - begun;
}
