/** The smallest router and case, for tests of the machinery around them. */
import type { RouterAdapter } from "../adapters/router-under-test.ts";
import type { Case } from "../case.ts";
import type { RouterProfile } from "../router-profile.ts";

export function testCase(id: string, rest: Partial<Case> = {}): Case {
  return {
    id,
    level: "MUST",
    requirement: `R-${id.replace("-0", "-")}`,
    title: "A router MUST answer.",
    needs: { transport: "any" },
    unsupported: () => undefined,
    traffic: async (lab) => {
      await lab.send(lab.corpus.namespace().prompt(["a"]), { label: "seed" });
    },
    judge: ({ steps }) =>
      steps.some((step) => step.kind === "sent" && step.pod !== null)
        ? { verdict: "pass" }
        : { verdict: "inconclusive", reason: "not-served", detail: "nothing was served" },
    ...rest,
  };
}

/** Sends everything to the first pod. */
export function testFunctionRouter(profile: RouterProfile = {}): RouterAdapter {
  return {
    name: "first pod",
    version: "1",
    kind: "function",
    profile,
    start: async () => {
      let names: readonly string[] = [];
      return {
        kind: "function",
        close: async () => undefined,
        router: {
          setPods: (pods) => {
            names = pods.map(({ name }) => name);
          },
          decide: ({ requestId, model }, atMs) => ({
            requestId,
            model,
            strategy: "first",
            reason: names.length === 0 ? "rejected" : "cost",
            pod: names[0] ?? null,
            matchedTokens: 0,
            totalTokens: 0,
            ratio: 0,
            threshold: 0,
            candidates: [],
            atMs,
          }),
          finished: () => undefined,
          tick: () => undefined,
        },
      };
    },
  };
}
