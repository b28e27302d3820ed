import { setTimeout as after } from 'node:timers/promises';
import { alternate } from '../../lib/alternate.mjs';
import { pssMib } from '../../lib/process-memory.mjs';
import { boxMemoryMib, processes } from './box-memory.mjs';

/** Commands before those that count: the first of a fresh machine run code that no cache holds. */
const WARM_UP_EXECS = 3;

/**
 * All participants in turn, each with a fresh box that is gone before the next begins.
 * @param participants as `startParticipant` makes them, with `measures`
 * @param options.execs commands that count, in each round
 * @param options.memoryMib RAM of each guest
 * @param options.settleMs how long a box is left alone before its memory is looked at
 * @param options.onFigures told of each participant's figures as they come, or of what failed
 * @returns samples by participant and figure: milliseconds, and MiB for those that begin with `memory`
 */
export async function runRounds(participants, { rounds, execs, settleMs, memoryMib, onFigures }) {
  const variants = Object.fromEntries(
    participants.map((participant) => [
      participant.name,
      () => told(participant, onFigures, () => oneBox(participant, { execs, settleMs, memoryMib })),
    ]),
  );
  return byParticipant(await alternate(variants, { runs: rounds }));
}

/** Several boxes of one participant at once, participants in turn. `several` is the time until each has run its first command. */
export async function runSeveral(participants, { rounds, count, onFigures }) {
  const variants = Object.fromEntries(
    participants.map((participant) => [
      participant.name,
      () => told(participant, onFigures, () => manyBoxes(participant, count)),
    ]),
  );
  return byParticipant(await alternate(variants, { runs: rounds }));
}

/** One that fails is told of and counted, and the comparison goes on: one peer gives up on a machine that is slow for half a minute. */
async function told(participant, onFigures, measure) {
  let figures;
  try {
    figures = await measure();
  } catch (thrown) {
    figures = { failures: 1 };
    onFigures(participant.name, figures, thrown);
    await participant.ask('removeAll').catch((cause) => onFigures(participant.name, figures, cause));
    return { [key(participant, 'failures')]: 1 };
  }
  onFigures(participant.name, figures);
  return Object.fromEntries(Object.entries(figures).map(([figure, value]) => [key(participant, figure), value]));
}

async function manyBoxes(participant, count) {
  return {
    several: await participant.ask('startMany', { count }),
    'several, stop': await participant.ask('stopAll'),
  };
}

async function oneBox(participant, { execs, settleMs, memoryMib }) {
  const { measures, pid } = participant;
  const figures = {};
  const note = (figure, value) => {
    figures[figure] = value;
  };
  await participant.ask('collectGarbage');
  const before = processes();
  const embeddingBefore = pssMib(pid);
  const { milliseconds, stages } = await participant.ask('start');
  note('start', milliseconds);
  for (const [stage, value] of Object.entries(stages)) note(`stage ${stage}`, value);
  if (measures.includes('exec')) {
    await participant.ask('exec', { times: WARM_UP_EXECS });
    note('exec', await participant.ask('exec', { times: execs }));
  }
  if (measures.includes('memory')) {
    await after(settleMs);
    await participant.ask('collectGarbage');
    const box = boxMemoryMib({ before, embedding: pid, embeddingBefore, memoryMib });
    note('memory', box.total);
    note('memory, guest RAM (not counted)', box.guestRam);
    note('memory of the embedding program', box.embedding);
    for (const [name, mebibytes] of Object.entries(box.byName)) note(`memory of ${name}`, mebibytes);
  }
  const stop = await participant.ask('stop');
  if (measures.includes('stop')) note('stop', stop);
  return figures;
}

const key = ({ name }, figure) => `${name}\n${figure}`;

function byParticipant(samples) {
  const result = {};
  for (const [compound, values] of Object.entries(samples)) {
    const [name, figure] = compound.split('\n');
    result[name] ??= {};
    result[name][figure] = values.flat();
  }
  return result;
}
