/** What {@link LiveLines} needs of a terminal; `process.stderr` fits. */
export interface LineTerminal {
  readonly columns?: number;
  write(text: string): unknown;
}

/**
 * Lines at the bottom of a terminal that are written over in place, a whole picture in one write, so that nothing flickers. Between two
 * pictures the cursor stands at the end of the last line.
 */
export class LiveLines {
  readonly #terminal: LineTerminal;
  #shown: readonly string[] = [];

  constructor(terminal: LineTerminal) {
    this.#terminal = terminal;
  }

  /** Replaces what is shown. @param lines without control characters, shorter than the terminal is wide */
  show(lines: readonly string[]): void {
    if (lines.length === this.#shown.length && lines.every((line, index) => line === this.#shown[index])) return;
    const picture = lines.map((line) => `${line}\x1b[K`).join('\n');
    this.#terminal.write(`${this.#toStart()}${picture}\x1b[J`);
    this.#shown = lines;
  }

  /** Writes a line that stays, above those that change. */
  print(line: string): void {
    const shown = this.#shown;
    this.clear();
    this.#terminal.write(`${line}\n`);
    if (shown.length > 0) this.show(shown);
  }

  /** Removes every line; the cursor is where the first one began. */
  clear(): void {
    if (this.#shown.length > 0) this.#terminal.write(`${this.#toStart()}\x1b[J`);
    this.#shown = [];
  }

  /** A terminal that was made narrower has wrapped the lines, so that they stand on more rows than they were written on. */
  #toStart(): string {
    const columns = this.#terminal.columns || 80;
    const rows = this.#shown.reduce((sum, line) => sum + Math.max(1, Math.ceil(line.length / columns)), 0);
    return rows > 1 ? `\r\x1b[${rows - 1}A` : rows === 1 ? '\r' : '';
  }
}
