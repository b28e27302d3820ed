import type { PolicyStatement, PolicyToken } from './policy-tokens.js';

const WORD = /^[A-Za-z_]/;

/** Goes through the tokens of one statement. Every refusal names the line it has come to. */
export class Reader {
  readonly #tokens: PolicyStatement;
  readonly #refuse: (line: number, reason: string, hint?: string) => Error;
  #at = 0;

  constructor(tokens: PolicyStatement, refuse: (line: number, reason: string, hint?: string) => Error) {
    this.#tokens = tokens;
    this.#refuse = refuse;
  }

  atEnd(): boolean {
    return this.#at >= this.#tokens.length;
  }

  peek(): string | undefined {
    return this.#tokens[this.#at]?.text;
  }

  /** Takes the token if it is this one. */
  takeIf(text: string): boolean {
    if (this.peek() !== text) return false;
    this.#at++;
    return true;
  }

  take(text: string): void {
    if (!this.takeIf(text)) throw this.refuse(`expected "${text}", found ${this.#found()}`);
  }

  /** Takes a name. */
  word(what: string): string {
    const text = this.peek();
    if (text === undefined || !WORD.test(text)) throw this.refuse(`expected ${what}, found ${this.#found()}`);
    this.#at++;
    return text;
  }

  /** Takes a name or a number. */
  operand(): string {
    const text = this.peek();
    if (text === undefined || !/^[A-Za-z0-9_]/.test(text)) {
      throw this.refuse(`expected a constant or a number, found ${this.#found()}`);
    }
    this.#at++;
    return text;
  }

  end(): void {
    if (!this.atEnd()) throw this.refuse(`${this.#found()} is one word too many`);
  }

  refuse(reason: string, hint?: string): Error {
    const last = this.#tokens.at(-1) as PolicyToken;
    return this.#refuse((this.#tokens[this.#at] ?? last).line, reason, hint);
  }

  #found(): string {
    const text = this.peek();
    return text === undefined ? 'the end of the statement' : JSON.stringify(text.slice(0, 64));
  }
}
