import { NOT_MEANT_BY_SRT } from './attempts.mjs';

/** What a participant without anything around it could not do either is no attempt on this machine. */
const POSSIBLE = (verdicts) => verdicts.nothing === 'escaped';

/**
 * Both columns for people: which attempts came out, where ours and theirs differ, and how many each stopped.
 * @param outcomes of one user, as the harness tells them (`layers` is the participant)
 */
export function attemptTable(user, outcomes) {
  const byAttempt = new Map();
  for (const { layers, attempt, verdict } of outcomes) {
    byAttempt.set(attempt, { ...byAttempt.get(attempt), [layers]: verdict });
  }
  const possible = [...byAttempt].filter(([, verdicts]) => POSSIBLE(verdicts));
  const names = [...new Set(outcomes.map(({ layers }) => layers))].filter((name) => name !== 'nothing');
  const stopped = (list, name) => list.filter(([, verdicts]) => verdicts[name] !== 'escaped').length;
  const meant = possible.filter(([attempt]) => !NOT_MEANT_BY_SRT.has(attempt));
  const counts = names.map(
    (name) =>
      `${name} stops ${stopped(possible, name)} (${stopped(meant, name)} of the ${meant.length} that srt is meant to stop)`,
  );
  const open = possible.filter(([, verdicts]) => names.some((name) => verdicts[name] === 'escaped'));
  const cell = (verdict) => (verdict === 'escaped' ? 'OUT' : 'stopped');
  const rows = [
    ['attempt', ...names, 'srt is meant to'],
    ...open.map(([attempt, verdicts]) => [
      attempt,
      ...names.map((name) => cell(verdicts[name])),
      NOT_MEANT_BY_SRT.has(attempt) ? 'no' : 'yes',
    ]),
  ];
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  const lines = rows.map((row) =>
    row
      .map((text, column) => text.padEnd(widths[column]))
      .join('  ')
      .trimEnd(),
  );
  return [
    `as ${user}: ${byAttempt.size} attempts, ${possible.length} of which come out with nothing around the command`,
    ...counts,
    ...(open.length === 0 ? [] : ['those that come out of one of them:', ...lines]),
  ].join('\n');
}
