/** ERR: failures at a pod, and what a router makes of them. */
import type { Case } from "../case.ts";
import { makeBusy } from "./busy.ts";
import { all, claimed, coldReachable, prefixAware, separable } from "./claims.ts";
import { probeLabel } from "./probes.ts";
import { routingCase } from "./routing-case.ts";
import { trunk } from "./shape.ts";

export const errorCases: readonly Case[] = [
  routingCase({
    id: "ERR-09",
    level: "declared-MUST",
    requirement: "R-ERR-9",
    title: "A request that failed at its pod MUST NOT make that pod an owner of its prompt.",
    unsupported: all(
      prefixAware,
      separable,
      coldReachable,
      claimed("insert.when success", ({ insert }) => insert?.when === "success"),
    ),
    blame: { load: "failed-request-owns-its-prefix" },
    trial: async (lab) => {
      const prompt = trunk(lab.corpus.namespace(), 6);
      const { pod } = await lab.send(prompt, { label: "upstream-error", upstream: { status: 500 } });
      if (pod === null) return;
      await makeBusy(lab, pod);
      await lab.send(prompt, { label: probeLabel("load") });
    },
  }),
];
