import { summarize } from '../../lib/statistics.mjs';

/** The figures that are compared, in the order of the table; all others are what they are made of. */
const COMPARED = ['start', 'exec', 'stop', 'memory', 'several', 'several, stop'];
const PEERS = ['boxlite', 'microsandbox'];
const LIBKRUN = 'ours-libkrun';
const TEMPLATE = 'ours-qemu-template';
/** Most that is allowed of ours, as a multiple of another's median; the better peer is the one with the lower median. */
const TARGETS = [
  { of: LIBKRUN, figure: 'start', against: 'boxlite', limit: 0.5 },
  { of: LIBKRUN, figure: 'start', against: 'microsandbox', limit: 0.65 },
  { of: LIBKRUN, figure: 'start', against: 'floor', limit: 1.25 },
  { of: LIBKRUN, figure: 'exec', against: 'exec-floor', limit: 1.5 },
  { of: LIBKRUN, figure: 'exec', against: 'better peer', limit: 0.5 },
  { of: LIBKRUN, figure: 'stop', against: 'better peer', limit: 1 },
  { of: LIBKRUN, figure: 'memory', against: 'better peer', limit: 1 },
  { of: TEMPLATE, figure: 'start', against: 'boxlite', limit: 0.3 },
];

/**
 * What the samples say.
 * @param samples by participant and figure
 * @param ours name of the participant the others are set in relation to
 * @returns `figures` with the ratio of each median to ours, `parts` of them, and `targets` with what was reached; `failures` counts rounds without figures
 */
export function compare(samples, ours) {
  const medianOf = (name, figure) => {
    const values = samples[name]?.[figure];
    return values === undefined ? undefined : summarize(values).p50;
  };
  const row = (participant, figure, values) => ({
    participant,
    figure,
    unit: figure.startsWith('memory') ? 'MiB' : 'ms',
    ...summarize(values),
  });
  const figures = COMPARED.flatMap((figure) =>
    Object.entries(samples)
      .filter(([, own]) => own[figure] !== undefined)
      .map(([participant, own]) => ({
        ...row(participant, figure, own[figure]),
        ratioToOurs: quotient(medianOf(participant, figure), medianOf(ours, figure)),
      })),
  );
  const parts = Object.entries(samples).flatMap(([participant, own]) =>
    Object.entries(own)
      .filter(([figure]) => !COMPARED.includes(figure) && figure !== 'failures')
      .map(([figure, values]) => row(participant, figure, values)),
  );
  const targets = TARGETS.flatMap(({ of, figure, against, limit }) => {
    // A module of somebody else is called as they like.
    const mine = samples[of] === undefined && of === LIBKRUN ? ours : of;
    const other = against === 'better peer' ? betterPeer(figure, medianOf) : against;
    const ratio = quotient(medianOf(mine, figure), other === undefined ? undefined : medianOf(other, figure));
    if (ratio === undefined) return [];
    const name = against === other ? other : `${against} (${other})`;
    return [{ name: `${figure}: ${mine} / ${name}`, ratio, limit, met: ratio <= limit }];
  });
  const failures = Object.fromEntries(
    Object.entries(samples).map(([name, { failures: failed = [] }]) => [name, failed.length]),
  );
  return { figures, parts, targets, failures };
}

function betterPeer(figure, medianOf) {
  const known = PEERS.filter((name) => medianOf(name, figure) !== undefined);
  return known.sort((a, b) => medianOf(a, figure) - medianOf(b, figure))[0];
}

function quotient(left, right) {
  return left === undefined || right === undefined ? undefined : left / right;
}

/** For people. */
export function formatComparison({ figures, parts, targets, failures }) {
  const figureRows = figures.map((row) => [...cells(row), row.ratioToOurs?.toFixed(2) ?? '']);
  const head = ['figure', 'participant', 'n', 'min', 'p50', 'p95', 'unit'];
  const failed = Object.entries(failures).filter(([, count]) => count > 0);
  return [
    ...failed.map(([name, count]) => `${name}: ${count} rounds failed and do not count`),
    table([[...head, '/ ours'], ...figureRows]),
    table([['target', 'reached', 'at most', ''], ...targets.map(targetCells)]),
    table([head, ...parts.map(cells)]),
  ].join('\n\n');
}

function targetCells({ name, ratio, limit, met }) {
  return [name, ratio.toFixed(2), String(limit), met ? 'met' : 'MISSED'];
}

function cells({ figure, participant, n, min, p50, p95, unit }) {
  return [figure, participant, String(n), ...[min, p50, p95].map((value) => value.toFixed(value < 100 ? 1 : 0)), unit];
}

function table(rows) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  const isNumber = (cell) => /^-?[\d.]+$/.test(cell);
  const pad = (cell, width) => (isNumber(cell) ? cell.padStart(width) : cell.padEnd(width));
  return rows
    .map((row) =>
      row
        .map((cell, column) => pad(cell, widths[column]))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
