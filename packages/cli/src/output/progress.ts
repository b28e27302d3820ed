import type { ImageProgress } from '@boxlite/core';
import type { StageListener } from '@boxlite/sdk';
import { humanBytes } from './ago.js';

const STAGE_TEXT: Readonly<Record<string, string>> = {
  'filesystem-setup': 'preparing files',
  'container-rootfs': 'preparing the image',
  'guest-rootfs': 'preparing the guest',
  'guest-kernel': 'finding a kernel',
  'vmm-spawn': 'starting the VM',
  'guest-connect': 'booting',
  'guest-init': 'making the container',
};

/** Where progress is drawn: one line that is written over, on a terminal only. */
export interface Progress {
  readonly onStage: StageListener;
  readonly onImageProgress: (progress: ImageProgress) => void;
  /** Removes the line. */
  end(): void;
}

/** @param stream a terminal; progress to anything else is dropped, so that logs hold no half lines */
export function createProgress(stream: NodeJS.WriteStream): Progress {
  const received = new Map<string, number>();
  let shown = false;
  const show = (text: string): void => {
    if (!stream.isTTY) return;
    shown = true;
    stream.write(`\r\x1b[K${text}…`);
  };
  return {
    onStage: (name, timing) => {
      if (timing === undefined) show(STAGE_TEXT[name] ?? name);
    },
    onImageProgress: ({ kind, digest, bytes }) => {
      if (kind !== 'download' || digest === undefined) return;
      received.set(digest, bytes ?? 0);
      show(`downloading the image: ${humanBytes([...received.values()].reduce((sum, size) => sum + size, 0))}`);
    },
    end: () => {
      if (shown) stream.write('\r\x1b[K');
      shown = false;
    },
  };
}
