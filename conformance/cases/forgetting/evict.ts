/** EVI: what a router forgets by a TTL, and what it must not. */
import type { Case } from "../../case.ts";
import type { Prompt } from "../../corpus/corpus.ts";
import type { Lab } from "../../lab.ts";
import { settledAfterMs } from "../../oracle/load-signal.ts";
import { byChance, coldPolicy, type RouterProfile } from "../../router-profile.ts";
import { outOfStep } from "../trials/busy.ts";
import {
  all,
  belowReachable,
  busyOwner,
  claimed,
  coldReachable,
  loadDecides,
  no,
  prefixAware,
  separable,
  slidingTtl,
  ttl,
} from "../claims.ts";
import { sweepMs, ttlMs } from "./evict-claims.ts";
import { placeFork } from "../trials/fork.ts";
import { askBusyOwner, busyProbe } from "../trials/owner-trial.ts";
import { routingCase } from "../trials/routing-case.ts";
import { branch, over, trunk } from "../trials/shape.ts";
import { judgeReturns } from "../trials/returns.ts";

const contrast = all(prefixAware, loadDecides, busyOwner);
/** Until what was learnt now is surely forgotten. */
const clockMs = (profile: RouterProfile): number => ttlMs(profile) + sweepMs(profile);
const clock = { clockMs };

const slides = ({ evict }: RouterProfile): boolean => evict?.kind === "ttl" && evict.sliding === true;

async function seed(lab: Lab, prompt: Prompt): Promise<string | undefined> {
  const { pod } = await lab.send(prompt, { label: "seed" });
  return pod ?? undefined;
}

export const evictCases: readonly Case[] = [
  routingCase({
    id: "EVI-01",
    level: "declared-MUST",
    requirement: "R-EVI-1",
    title: "A prefix that was not used for longer than the declared TTL MUST be forgotten.",
    needs: clock,
    unsupported: all(contrast, coldReachable, ttl),
    blame: { load: "not-forgotten-after-ttl" },
    trials: 3,
    trial: async (lab) => {
      await askBusyOwner(lab, {
        seed: trunk(lab.corpus.namespace(), 6),
        meanwhile: () => lab.advance(1.2 * ttlMs(lab.profile) + sweepMs(lab.profile)),
        kind: "load",
      });
    },
  }),
  routingCase({
    id: "EVI-02",
    level: "declared-MUST",
    requirement: "R-EVI-2",
    title: "A prefix MUST NOT be forgotten before the declared TTL has passed.",
    needs: clock,
    unsupported: all(contrast, ttl),
    blame: { owner: "forgotten-too-early" },
    trials: 3,
    trial: async (lab) => {
      // Without sliding, the little that any two prompts share would be as old as the first of them, and take this one along.
      if (!slides(lab.profile)) await lab.advance(1.2 * ttlMs(lab.profile) + sweepMs(lab.profile));
      await askBusyOwner(lab, {
        seed: trunk(lab.corpus.namespace(), 6),
        meanwhile: () => lab.advance(0.8 * ttlMs(lab.profile)),
        kind: "owner",
      });
    },
  }),
  routingCase({
    id: "EVI-03",
    level: "declared-MUST",
    requirement: "R-EVI-3",
    title: "With a sliding TTL, each use MUST lengthen a prefix's life.",
    needs: clock,
    unsupported: all(contrast, slidingTtl),
    blame: { owner: "use-did-not-refresh" },
    trials: 2,
    trial: async (lab) => {
      const prompt = trunk(lab.corpus.namespace(), 6);
      const pod = await seed(lab, prompt);
      if (pod === undefined) return;
      for (let use = 0; use < 3; use++) {
        await lab.settle();
        await lab.advance(0.7 * ttlMs(lab.profile) - settledAfterMs(lab.profile));
        await busyProbe(lab, pod, prompt, "owner");
      }
    },
  }),
  routingCase({
    id: "EVI-04",
    level: "declared-MUST",
    requirement: "R-EVI-4",
    title: "When one branch expires, a younger sibling MUST keep the common prefix and its owner.",
    needs: clock,
    unsupported: all(contrast, slidingTtl),
    blame: { owner: "evicting-a-leaf-stripped-its-ancestors" },
    trials: 3,
    trial: async (lab) => {
      const namespace = lab.corpus.namespace();
      const shape = over(lab.profile, 10);
      await askBusyOwner(lab, {
        seed: branch(namespace, shape, "old"),
        meanwhile: async () => {
          await lab.advance(0.6 * ttlMs(lab.profile));
          await lab.send(branch(namespace, shape, "young"), { label: "seed-sibling" });
          await lab.advance(0.6 * ttlMs(lab.profile));
        },
        probe: trunk(namespace, shape.sharedCells),
        kind: "owner",
      });
    },
  }),
  routingCase({
    id: "EVI-07",
    level: "declared-MUST",
    requirement: "R-EVI-7",
    title: "A prefix that expired and was sent again MUST be known again.",
    needs: clock,
    unsupported: all(contrast, ttl),
    blame: { owner: "expired-prefix-not-learnt-again" },
    trials: 3,
    trial: async (lab) => {
      const prompt = trunk(lab.corpus.namespace(), 6);
      await lab.send(prompt, { label: "seed" });
      await lab.advance(2 * ttlMs(lab.profile) + sweepMs(lab.profile));
      await askBusyOwner(lab, { seed: prompt, kind: "owner" });
    },
  }),
  routingCase({
    id: "EVI-13",
    level: "declared-MUST",
    requirement: "R-EVI-4",
    title: "When one pod's share of a common head expires, another that used it since MUST keep its own.",
    needs: clock,
    unsupported: all(contrast, belowReachable, coldReachable, slidingTtl, (profile) =>
      settledAfterMs(profile) > 0.8 * ttlMs(profile)
        ? no("what was taught expires before the load window is empty")
        : undefined,
    ),
    blame: { owner: "another-pods-expiry-took-it" },
    trials: 3,
    trial: async (lab) => {
      const fork = await placeFork(lab, { shortCells: 12 });
      if (fork === undefined) return;
      // The fork has settled: so much has passed already.
      await lab.advance(Math.max(0, 0.6 * ttlMs(lab.profile) - settledAfterMs(lab.profile)));
      await lab.send(fork.long, { label: "use" });
      await lab.advance(0.6 * ttlMs(lab.profile));
      await busyProbe(lab, fork.longPod, fork.extended, "owner");
    },
  }),
  {
    id: "EVI-08",
    level: "declared-MUST",
    requirement: "R-EVI-1",
    title:
      "Where cold requests go by chance, expired prefixes MUST NOT return to their old pods more often than chance.",
    needs: { transport: "any", clockMs },
    unsupported: all(prefixAware, separable, coldReachable, ttl, claimed("a cold policy by chance", byChance)),
    traffic: async (lab) => {
      const prompts = Array.from({ length: 40 }, () => trunk(lab.corpus.namespace(), 3));
      for (const prompt of prompts) await lab.send(prompt, { label: "first" });
      await lab.advance(1.2 * ttlMs(lab.profile) + sweepMs(lab.profile));
      for (const prompt of prompts) {
        if (coldPolicy(lab.profile) === "round-robin") await outOfStep(lab);
        await lab.send(prompt, { label: "again" });
      }
    },
    judge: (observation) => judgeReturns(observation, "not-forgotten-after-ttl"),
  },
];
