/** A profile as its reader sees it. A regular expression is written `#"…"`. */
export type Parsed = string | { readonly symbol: string } | { readonly regex: string } | readonly Parsed[];

/**
 * Reads the forms of an SBPL profile: comments, symbols, strings with the escapes of TinyScheme, `#"…"`.
 * @throws SyntaxError for text the profile compiler would refuse: unbalanced parentheses, a string without an end, anything outside a form
 */
export function parseSbpl(text: string): readonly (readonly Parsed[])[] {
  const reader = new Reader(text);
  const forms: (readonly Parsed[])[] = [];
  for (;;) {
    reader.skipBlanks();
    if (reader.atEnd()) return forms;
    const form = reader.node();
    if (!Array.isArray(form)) throw new SyntaxError(`${JSON.stringify(form)} stands outside a form`);
    forms.push(form);
  }
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r' };

class Reader {
  #at = 0;

  constructor(private readonly text: string) {}

  atEnd(): boolean {
    return this.#at >= this.text.length;
  }

  skipBlanks(): void {
    for (;;) {
      const blank = /^(?:[ \t\r\n\f]+|;[^\n]*)/.exec(this.text.slice(this.#at, this.#at + 4096));
      if (blank === null) return;
      this.#at += blank[0].length;
    }
  }

  node(): Parsed {
    this.skipBlanks();
    const character = this.text[this.#at];
    if (character === undefined) throw new SyntaxError('the profile ends within a form');
    if (character === '(') return this.#list();
    if (character === ')') throw new SyntaxError(`a parenthesis too many at ${this.#at}`);
    if (character === '"') return this.#string();
    if (this.text.startsWith('#"', this.#at)) return this.#regex();
    return this.#symbol();
  }

  #list(): readonly Parsed[] {
    this.#at += 1;
    const nodes: Parsed[] = [];
    for (;;) {
      this.skipBlanks();
      if (this.text[this.#at] === ')') {
        this.#at += 1;
        return nodes;
      }
      nodes.push(this.node());
    }
  }

  #string(): string {
    let value = '';
    for (this.#at += 1; ; this.#at += 1) {
      const character = this.text[this.#at];
      if (character === undefined || character === '\0') throw new SyntaxError('a string has no end');
      if (character === '"') break;
      value += character === '\\' ? this.#escape() : character;
    }
    this.#at += 1;
    return value;
  }

  #escape(): string {
    const rest = this.text.slice(this.#at + 1, this.#at + 5);
    const code = /^[xX]([0-9a-fA-F]{2})/.exec(rest) ?? /^([0-7]{3})/.exec(rest);
    if (code?.[1] !== undefined) {
      this.#at += code[0].length;
      return String.fromCharCode(Number.parseInt(code[1], code[0].startsWith(code[1]) ? 8 : 16));
    }
    this.#at += 1;
    const named = rest[0];
    if (named === undefined) throw new SyntaxError('a string has no end');
    return ESCAPES[named] ?? named;
  }

  /** Raw: a backslash belongs to the expression, and a quote ends it whatever stands before. */
  #regex(): Parsed {
    const end = this.text.indexOf('"', this.#at + 2);
    if (end < 0) throw new SyntaxError('a regular expression has no end');
    const regex = this.text.slice(this.#at + 2, end);
    this.#at = end + 1;
    return { regex };
  }

  #symbol(): Parsed {
    const [symbol = ''] = /^[^()";\s]+/.exec(this.text.slice(this.#at)) ?? [];
    if (symbol === '') throw new SyntaxError(`nothing can be read at ${this.#at}`);
    this.#at += symbol.length;
    return { symbol };
  }
}
