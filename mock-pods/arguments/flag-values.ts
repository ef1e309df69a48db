/** Values of vLLM's flags, as words from a command line or as numbers from code. */
import { OperationalError } from "../../fixtures/operational-error.ts";

export type Flags = Readonly<Record<string, string | number | boolean>>;

/** Undefined when the flag is not given. @throws OperationalError USAGE for what is not a whole number from `least` */
export function wholeFlag(flags: Flags, name: string, least: number): number | undefined {
  return numberFlag(flags, name, `a whole number from ${least}`, (value) => Number.isInteger(value) && value >= least);
}

/** Undefined when the flag is not given. @throws OperationalError USAGE for what is not above 0, at most 1 */
export function ratioFlag(flags: Flags, name: string): number | undefined {
  return numberFlag(flags, name, "a number above 0, at most 1", (value) => value > 0 && value <= 1);
}

export function shareFlag(flags: Flags, name: string): number | undefined {
  return numberFlag(flags, name, "a number from 0, below 1", (value) => value >= 0 && value < 1);
}

function numberFlag(
  flags: Flags,
  name: string,
  wanted: string,
  isRight: (value: number) => boolean,
): number | undefined {
  const value = flags[name];
  if (value === undefined) return undefined;
  const number = typeof value === "boolean" || value === "" ? NaN : Number(value);
  if (isRight(number)) return number;
  throw new OperationalError("USAGE", `${name} "${String(value)}"; give ${wanted}`);
}
