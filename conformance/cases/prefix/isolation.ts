/** MOD and SEC: prompts that are alike but must not be taken for the same. */
import type { Case } from "../../case.ts";
import type { SendOptions } from "../../lab.ts";
import type { Lab } from "../../lab.ts";
import type { RouterProfile } from "../../router-profile.ts";
import { all, claimed, coldReachable, prefixAware, separable } from "../claims.ts";
import { askBusyOwner } from "../trials/owner-trial.ts";
import { routingCase } from "../trials/routing-case.ts";
import { trunk } from "../trials/shape.ts";

type Key = Pick<SendOptions, "model" | "cacheSalt">;

const contrast = all(prefixAware, separable, coldReachable);
const modelIsolated = claimed("isolation.model true", ({ isolation }: RouterProfile) => isolation?.model === true);
const saltIsolated = claimed(
  "isolation.cacheSalt true",
  ({ isolation }: RouterProfile) => isolation?.cacheSalt === true,
);

/** The same prompt under another key is a stranger: it goes by load although an owner under the first key is there. */
async function sameTextOtherKey(lab: Lab, seedOptions: Key, probeOptions: Key): Promise<void> {
  await askBusyOwner(lab, { seed: trunk(lab.corpus.namespace(), 6), seedOptions, probeOptions, kind: "load" });
}

const modelOf = (lab: Lab, index: number): string => lab.models[index] ?? "";

export const isolationCases: readonly Case[] = [
  routingCase({
    id: "MOD-01",
    level: "declared-MUST",
    requirement: "R-MOD-1",
    title: "A prefix that one model learnt MUST NOT be followed for another model.",
    needs: { models: 2 },
    unsupported: all(contrast, modelIsolated),
    blame: { load: "followed-across-models" },
    trial: (lab) => sameTextOtherKey(lab, { model: modelOf(lab, 0) }, { model: modelOf(lab, 1) }),
  }),
  routingCase({
    id: "MOD-05",
    level: "SHOULD",
    requirement: "R-MOD-5",
    title: "Model and cache salt SHOULD be kept apart in the key, so that no two pairs look alike when joined.",
    needs: { models: 2 },
    unsupported: all(contrast, modelIsolated, saltIsolated),
    blame: { load: "key-parts-run-together" },
    trial: (lab) => {
      const [short, long] = [modelOf(lab, 0), modelOf(lab, 1)];
      return sameTextOtherKey(
        lab,
        { model: short, cacheSalt: `${long.slice(short.length)}salt` },
        { model: long, cacheSalt: "salt" },
      );
    },
  }),
  routingCase({
    id: "SEC-04",
    level: "declared-MUST",
    requirement: "R-SEC-4",
    title: "A prefix that was learnt under one cache salt MUST NOT be followed under another.",
    unsupported: all(contrast, saltIsolated),
    blame: { load: "followed-across-salts" },
    trial: (lab) => sameTextOtherKey(lab, { cacheSalt: "tenant-a" }, { cacheSalt: "tenant-b" }),
  }),
];
