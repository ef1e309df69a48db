import { OperationalError } from "../fixtures/operational-error.ts";

/** A parser for a command line option. @throws {OperationalError} USAGE */
export function wholeNumber(name: string): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && Number.isSafeInteger(value)) return value;
    throw new OperationalError("USAGE", `${name} ${text} is not a whole number`);
  };
}
