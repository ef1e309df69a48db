/**
 * A short text that a regular expression matches whole, always the same one: the first alternative, the fewest
 * repetitions, the first character of a class.
 *
 * Literals, classes, groups, alternatives, quantifiers, `.` and `\d \w \s`, anchors. For what else there is (look-around, back
 * references, properties) there is no answer.
 */
export function smallestMatch(pattern: string): string | undefined {
  const reader = new PatternReader(pattern);
  try {
    const text = reader.alternatives();
    return reader.atEnd && new RegExp(`^(?:${pattern})$`, "u").test(text) ? text : undefined;
  } catch {
    return undefined;
  }
}

const PRINTABLE = Array.from({ length: 95 }, (_, index) => String.fromCharCode(0x20 + index));
/** Letters first: a text that somebody can read. */
const ORDER = [...PRINTABLE.filter((one) => /[a-z]/.test(one)), ...PRINTABLE];
const ESCAPED: Readonly<Record<string, string>> = {
  d: "0",
  w: "a",
  s: " ",
  D: "a",
  W: " ",
  S: "a",
  n: "\n",
  t: "\t",
  r: "\r",
};

class PatternReader {
  readonly #characters: readonly string[];
  #at = 0;

  constructor(pattern: string) {
    this.#characters = Array.from(pattern);
  }

  get atEnd(): boolean {
    return this.#at >= this.#characters.length;
  }

  alternatives(): string {
    const first = this.#sequence();
    while (this.#take("|")) this.#sequence();
    return first;
  }

  #sequence(): string {
    let text = "";
    while (!this.atEnd && !"|)".includes(this.#peek())) {
      const one = this.#atom();
      text += one.repeat(this.#repetitions());
    }
    return text;
  }

  #atom(): string {
    const character = this.#next();
    switch (character) {
      case "(": {
        if (this.#take("?")) this.#groupKind();
        const inside = this.alternatives();
        if (!this.#take(")")) throw new SyntaxError("unterminated group");
        return inside;
      }
      case "[":
        return this.#class();
      case ".":
        return "a";
      case "^":
      case "$":
        return "";
      case "\\":
        return this.#escape();
      default:
        return character;
    }
  }

  /** `(?:` and named groups; anything else says more than a text can show. */
  #groupKind(): void {
    if (this.#take(":")) return;
    this.#take("P");
    if (!this.#take("<") || "=!".includes(this.#peek())) throw new SyntaxError("unsupported group");
    while (this.#next() !== ">");
  }

  #escape(): string {
    const character = this.#next();
    if (character === "b") return "";
    if (/[0-9BpPkux]/.test(character)) throw new SyntaxError("unsupported escape");
    return ESCAPED[character] ?? character;
  }

  /** The engine itself says what a class holds. */
  #class(): string {
    let source = "[";
    for (let character = ""; character !== "]" || source === "[]" || source === "[^]";) {
      character = this.#next();
      source += character === "\\" ? character + this.#next() : character;
    }
    const member = new RegExp(source, "u");
    const found = ORDER.find((character) => member.test(character)) ?? source.at(1);
    if (found === undefined || !member.test(found)) throw new SyntaxError("empty class");
    return found;
  }

  #repetitions(): number {
    const fewest = this.#fewest();
    this.#take("?");
    return fewest;
  }

  #fewest(): number {
    if (this.#take("*") || this.#take("?")) return 0;
    if (this.#take("+")) return 1;
    const bounds = /^\{(\d+)(?:,\d*)?\}/.exec(this.#characters.slice(this.#at, this.#at + 24).join(""));
    if (bounds === null) return 1;
    this.#at += bounds[0].length;
    return Number(bounds[1]);
  }

  #peek(): string {
    return this.#characters[this.#at] ?? "";
  }

  #next(): string {
    const character = this.#characters[this.#at++];
    if (character === undefined) throw new SyntaxError("unterminated pattern");
    return character;
  }

  #take(character: string): boolean {
    if (this.#peek() !== character) return false;
    this.#at++;
    return true;
  }
}
