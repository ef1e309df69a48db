/**
 * Where the tokens of all edges lie: pages of 32-bit integers, filled one after another.
 *
 * One typed array an edge would be a hundred thousand objects with memory outside the heap, and the collector minds each
 * of them. An edge is a slice of a page instead, and a split cuts a slice in two without a copy. A page goes when nobody
 * looks into it; slices in use are moved out of a page that has become sparse, so that a few do not keep it.
 */
export interface TokenPage {
  readonly tokens: Int32Array;
  /** Tokens in use. */
  liveTokens: number;
}

export interface TokenSlice {
  readonly page: TokenPage;
  readonly start: number;
}

const FIRST_PAGE_TOKENS = 4096;
const MOST_PAGE_TOKENS = 65_536;

export class TokenPages {
  #current = newPage(0);
  #usedTokens = 0;
  #allocatedTokens = 0;

  /** Of all pages that somebody looks into, and the one being filled. */
  get allocatedTokens(): number {
    return this.#allocatedTokens;
  }

  /** Copies `source[from..to)`. Longer than a page: on a page of its own. */
  store(source: Int32Array, from: number, to: number): TokenSlice {
    const length = to - from;
    if (this.#usedTokens + length > this.#current.tokens.length) this.#turn(length);
    const page = this.#current;
    const start = this.#usedTokens;
    for (let index = 0; index < length; index++) page.tokens[start + index] = source[from + index] as number;
    this.#usedTokens += length;
    page.liveTokens += length;
    return { page, start };
  }

  free(page: TokenPage, tokens: number): void {
    page.liveTokens -= tokens;
    if (page.liveTokens === 0 && page !== this.#current) this.#allocatedTokens -= page.tokens.length;
  }

  /** Worth leaving: less than half of it is in use. */
  isSparse(page: TokenPage): boolean {
    return page !== this.#current && page.liveTokens * 2 < page.tokens.length;
  }

  #turn(neededTokens: number): void {
    const full = this.#current;
    // Pages grow with the tree, so that a small tree stays small.
    const usual = Math.min(MOST_PAGE_TOKENS, Math.max(FIRST_PAGE_TOKENS, full.tokens.length * 2));
    this.#current = newPage(Math.max(usual, neededTokens));
    this.#usedTokens = 0;
    this.#allocatedTokens += this.#current.tokens.length;
    if (full.liveTokens === 0) this.#allocatedTokens -= full.tokens.length;
  }
}

function newPage(length: number): TokenPage {
  return { tokens: new Int32Array(length), liveTokens: 0 };
}
