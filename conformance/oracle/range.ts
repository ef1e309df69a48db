/** A number known only to lie between two bounds: what is uncertain about a router widens, never narrows. */
export interface Range {
  readonly low: number;
  readonly high: number;
}

export const exactly = (value: number): Range => ({ low: value, high: value });

/** True only when every value of `a` lies under every value of `b`. */
export const surelyBelow = (a: Range, b: Range): boolean => a.high < b.low;
