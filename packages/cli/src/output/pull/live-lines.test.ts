import { describe, expect, it } from 'vitest';
import { LiveLines } from './live-lines.js';

/** A terminal as far as the sequences that LiveLines writes go; rows wrap at its width. */
class Screen {
  columns = 20;
  readonly rows: string[] = [''];
  row = 0;
  column = 0;
  writes = 0;

  write(text: string): void {
    this.writes += 1;
    for (const [part] of text.matchAll(/\x1b\[(\d*)([AJK])|[\s\S]/g)) this.#put(part);
  }

  #put(part: string): void {
    const [, count, command] = /^\x1b\[(\d*)([AJK])$/.exec(part) ?? [];
    if (command === 'A') this.row -= Number(count);
    else if (command === 'K') this.#keep(this.column);
    else if (command === 'J') {
      this.#keep(this.column);
      this.rows.length = this.row + 1;
    } else if (part === '\r') this.column = 0;
    else if (part === '\n') this.#next();
    else {
      if (this.column === this.columns) this.#next();
      this.rows[this.row] =
        `${(this.rows[this.row] ?? '').slice(0, this.column)}${part}${(this.rows[this.row] ?? '').slice(this.column + 1)}`;
      this.column += 1;
    }
  }

  #keep(length: number): void {
    this.rows[this.row] = (this.rows[this.row] ?? '').slice(0, length);
  }

  #next(): void {
    this.row += 1;
    this.column = 0;
    this.rows[this.row] ??= '';
  }
}

describe('live lines', () => {
  it('are written over in place, in one write a picture', () => {
    const screen = new Screen();
    const lines = new LiveLines(screen);
    lines.show(['one', 'two', 'three']);
    lines.show(['1', 'two!', '3']);
    expect(screen.rows).toEqual(['1', 'two!', '3']);
    expect(screen.writes).toBe(2);
  });

  it('are not written again when nothing has changed', () => {
    const screen = new Screen();
    const lines = new LiveLines(screen);
    lines.show(['same']);
    lines.show(['same']);
    expect(screen.writes).toBe(1);
  });

  it('grow and shrink without leaving anything', () => {
    const screen = new Screen();
    const lines = new LiveLines(screen);
    lines.show(['a']);
    lines.show(['a', 'b', 'c']);
    lines.show(['d']);
    expect(screen.rows).toEqual(['d']);
    lines.clear();
    expect(screen.rows).toEqual(['']);
    expect([screen.row, screen.column]).toEqual([0, 0]);
  });

  it('let a line pass above them that stays', () => {
    const screen = new Screen();
    const lines = new LiveLines(screen);
    lines.show(['a', 'b']);
    lines.print('a warning');
    expect(screen.rows).toEqual(['a warning', 'a', 'b']);
    lines.clear();
    expect(screen.rows).toEqual(['a warning', '']);
  });

  it('are found again in a terminal that has become narrower and wrapped them', () => {
    const screen = new Screen();
    const lines = new LiveLines(screen);
    lines.show(['0123456789abcde', 'last']);
    // What a terminal of 8 columns makes of it, the cursor at the end as before.
    screen.columns = 8;
    screen.rows.splice(0, 2, '01234567', '89abcde', 'last');
    screen.row = 2;
    lines.show(['short', 'end']);
    expect(screen.rows).toEqual(['short', 'end']);
  });
});
