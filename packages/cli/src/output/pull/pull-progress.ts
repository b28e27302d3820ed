import { escapeText, type ImageProgress } from '@boxlite/core';
import { humanBytes } from '../ago.js';
import { formatJsonLine } from '../format-json.js';
import { LiveLines } from './live-lines.js';
import { pullLines, shortDigest } from './pull-lines.js';
import { advancePull, INITIAL_PULL, type LayerState, type PullState, pullTotals } from './pull-state.js';

/** Milliseconds between two pictures: the eye sees no more, and a slow line is not kept busy. */
const FRAME_MS = 100;
/** Milliseconds the speed is an average of. */
const SPEED_WINDOW_MS = 3000;

/** How `--progress` is answered. `auto` is `tty` on a terminal, else `plain`. */
export const PROGRESS_STYLES = ['auto', 'tty', 'plain', 'json', 'none'] as const;
export type ProgressStyle = (typeof PROGRESS_STYLES)[number];

/** Tells a person, or a program, how far a pull is. */
export interface PullProgress {
  readonly onProgress: (event: ImageProgress) => void;
  /** Removes what is not to stay. Idempotent. */
  end(): void;
}

const SILENT: PullProgress = { onProgress: () => undefined, end: () => undefined };

/**
 * @param stream where it goes, beside the command's own output
 * @param name of the image, as the user wrote it
 */
export function createPullProgress(stream: NodeJS.WriteStream, name: string, style: ProgressStyle): PullProgress {
  const wanted = style === 'auto' ? (stream.isTTY ? 'tty' : 'plain') : style;
  if (wanted === 'none') return SILENT;
  if (wanted === 'json') return { ...SILENT, onProgress: (event) => void stream.write(`${formatJsonLine(event)}\n`) };
  return wanted === 'plain' ? plainProgress(stream, name) : liveProgress(stream, name);
}

/** Lines for a log: one when a layer begins, one when it is here. */
function plainProgress(stream: NodeJS.WriteStream, name: string): PullProgress {
  let state = INITIAL_PULL;
  const line = (text: string): void => void stream.write(`${escapeText(text, 500)}\n`);
  return {
    onProgress(event) {
      const before = state;
      state = advancePull(state, event);
      if (event.kind === 'resolve') line(`${name}: resolving`);
      else if (event.message !== undefined) line(`${name}: ${event.message}`);
      else if (event.digest !== undefined) {
        const text = layerNews(find(before, event.digest), find(state, event.digest));
        if (text !== undefined) line(`${shortDigest(event.digest)}: ${text}`);
      } else if (event.kind === 'done') line(`${name}: ${conclusion(state)}`);
    },
    end: () => undefined,
  };
}

function find({ layers }: PullState, digest: string): LayerState | undefined {
  return layers.find((layer) => layer.digest === digest);
}

function layerNews(before: LayerState | undefined, layer: LayerState | undefined): string | undefined {
  if (layer === undefined || before?.phase === layer.phase) return undefined;
  if (layer.phase === 'downloading') return `downloading ${humanBytes(layer.totalBytes)}`;
  if (layer.phase === 'cached') return 'already here';
  return layer.phase === 'done' ? 'done' : undefined;
}

/** What a pull has come to. */
function conclusion(state: PullState): string {
  const { layers, totalBytes, cachedBytes } = pullTotals(state);
  if (state.layers.length === 0) return 'all of it was here';
  const fetched = totalBytes - cachedBytes;
  const sums = `${layers} ${layers === 1 ? 'layer' : 'layers'}, ${humanBytes(totalBytes)}`;
  return `${sums}, ${fetched === 0 ? 'all of it was here' : `${humanBytes(fetched)} of it downloaded`}`;
}

/** Lines in place, drawn at most ten times a second. */
function liveProgress(stream: NodeJS.WriteStream, name: string): PullProgress {
  const lines = new LiveLines(stream);
  const speed = new Speed();
  let state = INITIAL_PULL;
  let timer: NodeJS.Timeout | undefined;
  let ended = false;
  const draw = (): void => {
    timer = undefined;
    const { bytes, cachedBytes } = pullTotals(state);
    const bytesPerSecond = speed.measure(bytes - cachedBytes, performance.now());
    lines.show(pullLines(name, state, { columns: stream.columns || 80, rows: stream.rows || 24, bytesPerSecond }));
  };
  // A narrower terminal has wrapped the lines; drawn at once they are whole again.
  stream.on('resize', draw);
  return {
    onProgress(event) {
      if (ended) return;
      state = advancePull(state, event);
      if (event.message !== undefined) lines.print(escapeText(`${name}: ${event.message}`, 500));
      timer ??= setTimeout(draw, FRAME_MS).unref();
    },
    end() {
      ended = true;
      clearTimeout(timer);
      stream.off('resize', draw);
      lines.clear();
    },
  };
}

/** Bytes a second over the last seconds. */
class Speed {
  #samples: readonly { readonly bytes: number; readonly atMs: number }[] = [];

  measure(bytes: number, atMs: number): number {
    this.#samples = [...this.#samples.filter((sample) => atMs - sample.atMs <= SPEED_WINDOW_MS), { bytes, atMs }];
    const first = this.#samples[0];
    if (first === undefined || atMs - first.atMs < FRAME_MS) return 0;
    return Math.max(0, ((bytes - first.bytes) * 1000) / (atMs - first.atMs));
  }
}
