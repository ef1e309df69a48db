/** What a program may ask of a fleet, checked before anything starts: types are gone at run time. */
import { OperationalError } from "../../fixtures/operational-error.ts";
import type { FleetOptions } from "../pod/pod.ts";

const isWhole = (value: unknown, most: number): boolean =>
  typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= most;
const isObject = (value: unknown): boolean => typeof value === "object" && value !== null;
const isText = (value: unknown): boolean => typeof value === "string" && value !== "";

/** What is right for each, and how to say so. `pods` is read by `pod-groups.ts`. */
const OPTIONS: Readonly<Record<keyof FleetOptions, readonly [isRight: (value: unknown) => boolean, wanted: string]>> = {
  pods: [() => true, ""],
  basePort: [(value) => isWhole(value, 65_535), "a port, or 0 for any"],
  host: [isText, "an address to listen on"],
  model: [isText, "a model's name"],
  tokenizer: [isText, "a folder with tokenizer.json"],
  speed: [(value) => typeof value === "number" && value > 0, "a number above 0"],
  seed: [(value) => isWhole(value, Number.MAX_SAFE_INTEGER), "a whole number from 0"],
  faults: [(value) => isText(value) || isObject(value), "a file, or { faults: [...] }"],
  flags: [isObject, 'vLLM\'s flags, as { "max-num-seqs": 64 }'],
  answers: [(value) => typeof value === "function", "a function that answers"],
  environment: [isObject, "variables by name"],
};

/** @throws OperationalError USAGE naming the option that is unknown, or whose value cannot be */
export function assertFleetOptions(options: FleetOptions): void {
  for (const [name, value] of Object.entries(options ?? {})) {
    const option = OPTIONS[name as keyof FleetOptions];
    if (option === undefined) {
      throw usage(`a fleet has no option "${name}"; there are ${Object.keys(OPTIONS).join(", ")}`);
    }
    const [isRight, wanted] = option;
    if (value !== undefined && !isRight(value)) throw usage(`${name} ${JSON.stringify(value)}; give ${wanted}`);
  }
}

function usage(message: string): OperationalError {
  return new OperationalError("USAGE", message);
}
