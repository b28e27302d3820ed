import { describe, expect, it } from 'vitest';
import { createProgress } from './progress.js';

/** What is written to a stream that is, or is not, a terminal. */
function written(isTTY: boolean, use: (progress: ReturnType<typeof createProgress>) => void): string {
  const pieces: string[] = [];
  const stream = { isTTY, columns: 80, write: (piece: string) => pieces.push(piece) };
  use(createProgress(stream as unknown as NodeJS.WriteStream));
  return pieces.join('');
}

describe('progress of a start', () => {
  it('tells a warning of the image to logs, too, as one escaped line', () => {
    const text = written(false, ({ onStage, onImageProgress, end }) => {
      onStage('container-rootfs', undefined);
      onImageProgress({ kind: 'warning', message: 'config.json is broken\x1b[2J' });
      end();
    });
    expect(text).toBe('boxlite: warning: config.json is broken\\x1b[2J\n');
  });

  it('takes its own line away before a warning on a terminal, and at the end', () => {
    const text = written(true, ({ onStage, onImageProgress, end }) => {
      onStage('container-rootfs', undefined);
      onImageProgress({ kind: 'warning', message: 'twice' });
      onStage('vmm-spawn', undefined);
      end();
    });
    expect(text).toBe('\r\x1b[Kpreparing the image…\r\x1b[Kboxlite: warning: twice\n\r\x1b[Kstarting the VM…\r\x1b[K');
  });
});
