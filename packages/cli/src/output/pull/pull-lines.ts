import { escapeLine } from '@boxlite/core';
import { humanBytes } from '../ago.js';
import { type LayerPhase, type LayerState, type PullState, pullTotals } from './pull-state.js';

/** The room there is, in characters, and how fast bytes have been coming, in bytes a second. */
export interface PullView {
  readonly columns: number;
  readonly rows: number;
  readonly bytesPerSecond: number;
}

const PHASES: Readonly<Record<LayerPhase, string>> = {
  waiting: 'waiting',
  downloading: 'downloading',
  verifying: 'verifying',
  done: 'done',
  cached: 'already here',
};
const PHASE_WIDTH = 12;
const BAR_WIDTH = 24;
/** Below this width a bar leaves no room for what matters more. */
const COLUMNS_FOR_BAR = 72;
/** What a shell's prompt and the line of sums need. */
const OTHER_ROWS = 2;

/**
 * A pull as lines of a terminal: one a layer, as many as there is room for, and one of sums. No line is as long as the terminal is wide, so that
 * none wraps.
 * @param name of the image, as the user wrote it
 */
export function pullLines(name: string, state: PullState, view: PullView): readonly string[] {
  const width = Math.max(view.columns - 1, 1);
  const room = Math.max(view.rows - OTHER_ROWS, 0);
  const layers = state.layers.length <= room ? state.layers : state.layers.filter(isMoving).slice(0, room);
  const withBar = view.columns >= COLUMNS_FOR_BAR;
  return [
    ...layers.map((layer) => layerLine(layer, withBar)),
    sumLine(escapeLine(name, 200), state, view, withBar),
  ].map((line) => line.slice(0, width));
}

function isMoving({ phase }: LayerState): boolean {
  return phase === 'downloading' || phase === 'verifying';
}

function layerLine({ digest, phase, bytes, totalBytes }: LayerState, withBar: boolean): string {
  const start = `  ${shortDigest(digest)}  ${PHASES[phase].padEnd(PHASE_WIDTH)}`;
  if (phase !== 'downloading') return `${start}  ${humanBytes(totalBytes)}`;
  return `${start}  ${withBar ? `${bar(bytes, totalBytes)}  ` : ''}${humanBytes(bytes)} of ${humanBytes(totalBytes)}`;
}

function sumLine(name: string, state: PullState, { bytesPerSecond }: PullView, withBar: boolean): string {
  if (state.layers.length === 0)
    return `${name}: ${state.readBytes > 0 ? `${humanBytes(state.readBytes)} read` : 'resolving'}`;
  const { layers, layersDone, bytes, totalBytes } = pullTotals(state);
  const speed = bytesPerSecond > 0 && bytes < totalBytes ? `, ${humanBytes(bytesPerSecond)}/s` : '';
  const sums = `${layersDone} of ${layers} layers, ${humanBytes(bytes)} of ${humanBytes(totalBytes)}${speed}`;
  return `${name}: ${withBar ? `${bar(bytes, totalBytes)} ` : ''}${sums}`;
}

function bar(part: number, whole: number): string {
  const filled = whole === 0 ? BAR_WIDTH : Math.min(BAR_WIDTH, Math.floor((part / whole) * BAR_WIDTH));
  return `[${'#'.repeat(filled)}${'.'.repeat(BAR_WIDTH - filled)}]`;
}

/** The twelve characters people know layers by. */
export function shortDigest(digest: string): string {
  return digest.replace(/^sha256:/, '').slice(0, 12);
}
