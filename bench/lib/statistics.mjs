/** The value below which the given share (0 to 1) of the samples lies, by the nearest rank. */
export function percentile(samples, share) {
  const sorted = [...samples].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)];
}

/** What a table shows of a series. The minimum is the figure that other work on the machine disturbs least. */
export function summarize(samples) {
  return {
    n: samples.length,
    min: Math.min(...samples),
    p50: percentile(samples, 0.5),
    p95: percentile(samples, 0.95),
  };
}

/** Figures of the same kind set in relation, such as the medians of two series. */
export function relate(left, right, operation) {
  return Object.fromEntries(['min', 'p50', 'p95'].map((figure) => [figure, operation(left[figure], right[figure])]));
}

export const ratio = (left, right) => relate(left, right, (a, b) => a / b);
export const difference = (left, right) => relate(left, right, (a, b) => a - b);
