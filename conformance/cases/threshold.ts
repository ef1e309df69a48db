/** THR: the share of a prompt that must match before the router follows its owner. */
import type { Case } from "../case.ts";
import type { Lab } from "../lab.ts";
import type { SentStep } from "../observation.ts";
import type { Prompt } from "../corpus.ts";
import { makeBusy } from "./busy.ts";
import {
  all,
  belowReachable,
  busyOwner,
  claimed,
  coldReachable,
  loadDecides,
  prefixAware,
  separable,
} from "./claims.ts";
import { probeLabel, type ProbeKind } from "./probes.ts";
import { routingCase } from "./routing-case.ts";
import { branch, over, trunk, under } from "./shape.ts";

const contrast = all(prefixAware, separable);
const sharpContrast = all(prefixAware, loadDecides, busyOwner);

/** Teaches the router a prompt, makes whoever served it the busiest, and probes. */
async function seedBusyProbe(lab: Lab, seed: Prompt, probe: Prompt, kind: ProbeKind): Promise<SentStep | undefined> {
  const { pod } = await lab.send(seed, { label: "seed" });
  if (pod === null) return undefined;
  await makeBusy(lab, pod, { ballast: seed });
  return lab.send(probe, { label: probeLabel(kind) });
}

export const thresholdCases: readonly Case[] = [
  routingCase({
    id: "THR-01",
    level: "declared-MUST",
    requirement: "R-THR-1",
    title:
      "A prompt that matches clearly less than the threshold MUST be routed by load, not to the owner of its prefix.",
    unsupported: all(contrast, belowReachable, coldReachable),
    trial: async (lab) => {
      const namespace = lab.corpus.namespace();
      const shape = under(lab.profile);
      await seedBusyProbe(lab, trunk(namespace, shape.sharedCells), branch(namespace, shape), "load");
    },
  }),
  routingCase({
    id: "THR-02",
    level: "declared-MUST",
    requirement: "R-THR-2",
    title: "A prompt that matches clearly more than the threshold MUST be routed to an owner of its prefix.",
    unsupported: contrast,
    trial: async (lab) => {
      const namespace = lab.corpus.namespace();
      const shape = over(lab.profile);
      await seedBusyProbe(lab, trunk(namespace, shape.sharedCells), branch(namespace, shape), "owner");
    },
  }),
  routingCase({
    id: "THR-03",
    level: "declared-MUST",
    requirement: "R-THR-3",
    title:
      "As the matched share grows from nothing to all, the answer MUST switch from load to owner once, at the threshold.",
    unsupported: all(sharpContrast, belowReachable, coldReachable),
    trials: 11,
    minimumSharp: 6,
    trial: async (lab, index) => {
      const namespace = lab.corpus.namespace();
      const sharedCells = index + 1;
      await seedBusyProbe(
        lab,
        trunk(namespace, sharedCells),
        branch(namespace, { sharedCells, totalCells: 12 }),
        "any",
      );
    },
  }),
  routingCase({
    id: "THR-05",
    level: "declared-MUST",
    requirement: "R-THR-5",
    title: "The ratio MUST be taken of the request, not of the longer prompt that was learnt.",
    unsupported: all(contrast, claimed("threshold.ratioOf request", ratioOfRequest)),
    trial: async (lab) => {
      const namespace = lab.corpus.namespace();
      await seedBusyProbe(lab, trunk(namespace, 16), trunk(namespace, 2), "owner");
    },
  }),
  routingCase({
    id: "THR-06",
    level: "declared-MUST",
    requirement: "R-THR-6",
    title:
      "The threshold MUST be relative: a short prompt matched whole is followed, a long one matched in part is not.",
    unsupported: all(contrast, belowReachable, coldReachable),
    trials: 8,
    minimumSharp: 4,
    trial: async (lab, index) => {
      const namespace = lab.corpus.namespace();
      if (index % 2 === 0) return void (await seedBusyProbe(lab, trunk(namespace, 2), trunk(namespace, 2), "owner"));
      const shape = under(lab.profile, 27);
      await seedBusyProbe(lab, trunk(namespace, shape.sharedCells), branch(namespace, shape), "load");
    },
  }),
  routingCase({
    id: "THR-07",
    level: "declared-MUST",
    requirement: "R-THR-7",
    title: "A prompt that was routed by load MUST be learnt: its repetition goes to the pod that served it.",
    unsupported: all(
      contrast,
      belowReachable,
      coldReachable,
      claimed("insert.when", ({ insert }) => insert?.when !== undefined),
    ),
    blame: { owner: "below-threshold-prompt-not-learnt" },
    trial: async (lab) => {
      const namespace = lab.corpus.namespace();
      const shape = under(lab.profile);
      const served = await seedBusyProbe(lab, trunk(namespace, shape.sharedCells), branch(namespace, shape), "any");
      await lab.settle();
      if (served === undefined || served.pod === null) return;
      await makeBusy(lab, served.pod);
      await lab.send(branch(namespace, shape), { label: probeLabel("owner") });
    },
  }),
];

function ratioOfRequest({ threshold }: Lab["profile"]): boolean {
  return threshold === null || threshold?.ratioOf === "request";
}
