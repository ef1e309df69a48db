/** MOD: models and LoRA adapters that not every pod serves. */
import type { Case } from "../../case.ts";
import { all, claimed, coldReachable, learnsModels, prefixAware, separable } from "../claims.ts";
import type { Judgement } from "../../judgement.ts";
import type { Observation, SentStep } from "../../observation.ts";
import type { RouterProfile } from "../../router-profile.ts";
import { type Exchange, exchange, httpOf, noted } from "../trials/exchange.ts";
import { type Finding, httpCase } from "../trials/http-case.ts";
import { askBusyOwner } from "../trials/owner-trial.ts";
import { judgeService } from "../trials/judge-service.ts";
import { routingCase } from "../trials/routing-case.ts";
import { branch, over, trunk } from "../trials/shape.ts";

const PAIRS = 20;
const FIRST = "of-the-first-model";
const SECOND = "of-the-second-model";

export const servingCases: readonly Case[] = [
  {
    id: "MOD-02",
    level: "declared-MUST",
    requirement: "R-MOD-2",
    title: "Where a router learns which pod serves which model, a request MUST go to a pod that serves its model.",
    needs: { transport: "any", fleet: [{ models: [0] }, { models: [0] }, { models: [1] }, { models: [1] }] },
    unsupported: learnsModels,
    traffic: async (lab) => {
      // The same prompt for both: what one model's pods know of it must not draw the other's requests.
      for (let pair = 0; pair < PAIRS; pair++) {
        const prompt = trunk(lab.corpus.namespace(), 2);
        for (const model of lab.models.slice(0, 2)) await lab.send(prompt, { label: "of-a-model", model });
      }
    },
    judge: (observation) => judgeService(observation) ?? { verdict: "pass" },
  },
  routingCase({
    id: "MOD-03",
    level: "declared-MUST",
    requirement: "R-MOD-3",
    title: "A request for a LoRA adapter MUST go to a pod that has it loaded, by the prefixes of that adapter alone.",
    needs: { fleet: [{ models: [0], adapter: true }, { models: [0], adapter: true }, { models: [0] }] },
    unsupported: all(
      prefixAware,
      separable,
      coldReachable,
      learnsModels,
      claimed("isolation.lora true", ({ isolation }) => isolation?.lora === true),
    ),
    blame: { load: "followed-across-adapters", owner: "adapter-prefix-not-followed" },
    trial: async (lab, index) => {
      const namespace = lab.corpus.namespace();
      const adapted = { model: lab.adapter };
      const seed = trunk(namespace, 6);
      if (index % 2 === 0) {
        await askBusyOwner(lab, { seed, probeOptions: adapted, kind: "load" });
      } else {
        const shape = over(lab.profile);
        await askBusyOwner(lab, {
          seed: trunk(namespace, shape.sharedCells),
          seedOptions: adapted,
          probe: branch(namespace, shape),
          probeOptions: adapted,
          kind: "owner",
        });
      }
    },
  }),
  httpCase({
    id: "MOD-04",
    level: "SHOULD",
    requirement: "R-MOD-4",
    title: "The list of models SHOULD name every model of every pod, in the shape of OpenAI's API.",
    needs: { fleet: [{ models: [0] }, { models: [1] }, { models: [0, 1] }] },
    unsupported: learnsModels,
    traffic: async (lab) => {
      lab.note("models", lab.models.slice(0, 2));
      await exchange(lab, { label: "list", method: "GET", path: "/v1/models" });
    },
    finding: namesModels,
  }),
  httpCase({
    id: "MOD-06",
    level: "SHOULD",
    requirement: "R-MOD-6",
    title: "While a pod is down, the list of models SHOULD still name those of the others.",
    needs: { happenings: ["stopped-pod"], fleet: [{ models: [0] }, { models: [1] }, { models: [0, 1] }] },
    unsupported: learnsModels,
    traffic: async (lab) => {
      const { pods } = httpOf(lab);
      lab.note("models", lab.models.slice(0, 2));
      const [down = ""] = lab.pods();
      await pods.setUp(down, false);
      await exchange(lab, { label: `list with ${down} down`, method: "GET", path: "/v1/models" });
      await pods.setUp(down, true);
    },
    finding: namesModels,
  }),
  {
    id: "MOD-07",
    level: "declared-MUST",
    requirement: "R-MOD-7",
    title:
      "Where a router learns which pod serves which model, every model of a pod MUST be served, not the first of its list alone.",
    needs: { transport: "any", fleet: Array.from({ length: 3 }, () => ({ models: [0, 1] })) },
    unsupported: learnsModels,
    traffic: async (lab) => {
      const [first = "", second = ""] = lab.models;
      for (let pair = 0; pair < PAIRS; pair++) {
        for (const [label, model] of [
          [FIRST, first],
          [SECOND, second],
        ] as const)
          await lab.send(lab.corpus.namespace().prompt([]), { label, model });
      }
    },
    judge: judgeModels,
  },
];

/** Every model in the place of a pod's list that it has. */
function judgeModels(observation: Observation): Judgement {
  const refused = (label: string): SentStep | undefined =>
    observation.steps.find((step) => step.kind === "sent" && step.label === label && step.status !== 200) as
      | SentStep
      | undefined;
  const second = refused(SECOND);
  if (second === undefined || refused(FIRST) !== undefined) return judgeService(observation) ?? { verdict: "pass" };
  return {
    verdict: "fail",
    reason: "model-refused",
    detail: `every pod serves ${second.model}, second in its list, and a request for it got status ${second.status}; for the first model all were served`,
    expected: ["200"],
    observed: [String(second.status)],
  };
}

/** Every model that was noted. */
function namesModels([listed]: readonly Exchange[], _profile: RouterProfile, seen: Observation): Finding | undefined {
  return listed === undefined ? undefined : listFinding(listed.status, listed.body, noted(seen, "models") as string[]);
}

function listFinding(status: number, body: string, wanted: readonly string[]): Finding | undefined {
  if (status !== 200) return { reason: "models-not-listed", detail: `GET /v1/models was answered with ${status}` };
  const ids = idsIn(body);
  if (ids === undefined) {
    return { reason: "models-in-another-shape", detail: `GET /v1/models answered ${body.slice(0, 120)}` };
  }
  if (wanted.every((model) => ids.includes(model))) return undefined;
  return {
    reason: "models-not-listed",
    detail: `pods serve ${wanted.join(", ")}; listed are ${ids.join(", ") || "none"}`,
    expected: wanted,
    observed: ids,
  };
}

/** Ids of a `list` of `model` objects; undefined when the text is no such list. */
function idsIn(body: string): readonly string[] | undefined {
  try {
    const { object, data } = JSON.parse(body) as { object?: unknown; data?: unknown };
    if (object !== "list" || !Array.isArray(data)) return undefined;
    const cards = data as readonly { readonly id?: unknown; readonly object?: unknown }[];
    const ids = cards.flatMap(({ id, object: kind }) => (typeof id === "string" && kind === "model" ? [id] : []));
    return ids.length === cards.length ? ids : undefined;
  } catch {
    return undefined;
  }
}
