import { escapeLine, type ImageProgress } from '@boxlite/core';
import type { StageListener, StartOptions } from '@boxlite/sdk';
import { humanBytes } from './ago.js';
import { advancePull, INITIAL_PULL, pullTotals } from './pull/pull-state.js';

const STAGE_TEXT: Readonly<Record<string, string>> = {
  'filesystem-setup': 'preparing files',
  'container-rootfs': 'preparing the image',
  'guest-rootfs': 'preparing the guest',
  'guest-kernel': 'finding a kernel',
  'vmm-spawn': 'starting the VM',
  'guest-connect': 'booting',
  'guest-init': 'making the container',
  'guest-renew': 'giving it entropy and a name of its own',
};

/** Where progress is drawn: one line that is written over, on a terminal only. */
export interface Progress {
  readonly onStage: StageListener;
  readonly onImageProgress: (progress: ImageProgress) => void;
  readonly onDiskProgress: NonNullable<StartOptions['onDiskProgress']>;
  /** Removes the line. */
  end(): void;
}

/** @param stream a terminal; progress to anything else is dropped, so that logs hold no half lines; warnings are lines of their own */
export function createProgress(stream: NodeJS.WriteStream): Progress {
  let pull = INITIAL_PULL;
  let shown = false;
  const show = (text: string): void => {
    if (!stream.isTTY) return;
    shown = true;
    // A line that wraps cannot be written over.
    stream.write(`\r\x1b[K${`${text}…`.slice(0, Math.max((stream.columns || 80) - 1, 1))}`);
  };
  const clear = (): void => {
    if (shown) stream.write('\r\x1b[K');
    shown = false;
  };
  /** Said to logs, too: a broken configuration would otherwise only be seen when a registry refuses. */
  const warn = (message: string): void => {
    clear();
    stream.write(`boxlite: warning: ${escapeLine(message, 500)}\n`);
  };
  return {
    onStage: (name, timing) => {
      if (timing === undefined) show(STAGE_TEXT[name] ?? name);
    },
    onImageProgress: (event) => {
      pull = advancePull(pull, event);
      if (event.kind === 'warning' && event.message !== undefined) return warn(event.message);
      if (event.kind !== 'download' || event.digest === undefined) return;
      const { bytes, totalBytes } = pullTotals(pull);
      show(`downloading the image: ${humanBytes(bytes)} of ${humanBytes(totalBytes)}`);
    },
    onDiskProgress: ({ bytes }) => show(`making the disk of the image: ${humanBytes(bytes)}`),
    end: clear,
  };
}
