/** `const fleet = useFleet({ pods: "a6000:2" })`: mock pods for the tests of a file or a `describe` block. */
import { afterAll, afterEach, beforeAll } from "vitest";
import { startFleet } from "../fleet/fleet.ts";
import type { Fleet, FleetOptions, Pod } from "../pod/pod.ts";

/**
 * Starts a fleet before the first test and closes it after the last. After each test every pod is as new: cold cache,
 * empty journal, no faults, no hooks, nothing held, and listening again if it was down. A fleet to which pods were added,
 * or from which some were removed, is replaced by a new one.
 *
 * The fleet is there from `beforeAll` on; ask it for pods inside tests and hooks.
 */
export function useFleet(options: FleetOptions): Fleet {
  let fleet: Fleet | undefined;
  let original: readonly Pod[] = [];
  const start = async (): Promise<void> => {
    fleet = await startFleet(options);
    original = fleet.pods;
  };
  beforeAll(start);
  afterEach(async () => {
    if (fleet === undefined) return;
    const { pods } = fleet;
    if (pods.length === original.length && pods.every((pod, index) => pod === original[index])) {
      await Promise.all(original.map((pod) => pod.reset().then(() => pod.start())));
    } else {
      await fleet.close();
      await start();
    }
  });
  afterAll(() => fleet?.close());
  return new Proxy({} as Fleet, {
    get(_, property) {
      if (fleet === undefined) throw new Error("the fleet starts in beforeAll; use it inside tests and hooks");
      const value: unknown = Reflect.get(fleet, property, fleet);
      return typeof value === "function" ? value.bind(fleet) : value;
    },
  });
}

export type { Fleet, FleetOptions, Pod };
