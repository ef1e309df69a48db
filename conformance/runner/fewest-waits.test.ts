import { expect, it } from "vitest";
import type { Needs } from "../case.ts";
import { withFewestWaits } from "./fewest-waits.ts";
import { testCase } from "./test-doubles.ts";

const make = (id: string, needs: Partial<Needs>) => testCase(id, { needs: { transport: "any", ...needs } });

it("puts the most pods first, then what exchanges pods, then what cares for none, then what spoils the router", () => {
  const cases = [
    make("SEC-07", { anyPod: true, freshRouter: true }),
    make("ERR-01", { anyPod: true, scriptedPods: true, pods: 4 }),
    make("POD-01", { podChanges: ["add"] }),
    make("THR-01", {}),
    make("LOAD-01", { pods: 4 }),
    make("POD-06", { podChanges: ["remove"] }),
    make("CON-04", { pods: 6 }),
  ];
  expect(withFewestWaits(cases).map(({ id }) => id)).toEqual([
    "CON-04",
    "LOAD-01",
    "THR-01",
    "POD-01",
    "POD-06",
    "ERR-01",
    "SEC-07",
  ]);
});
