/** POD-16: a pod that does not say how it is must not keep the router from hearing how the others are. */
import type { Case } from "../../case.ts";
import { ALL_PATHS, type PodPage } from "../../http-lab/scripted-pods.ts";
import type { Lab } from "../../lab.ts";
import { claimed } from "../claims.ts";
import { exchange, exchangesOf, exchangeTogether, httpOf, noted } from "../trials/exchange.ts";
import { httpCase } from "../trials/http-case.ts";

/** Where engines say how they are, and where routers ask. */
const HEALTH_PATHS = ["/health", "/ping", "/v1/models", "/load", "/metrics", "/version"];
const HANG: PodPage = { kind: "hang" };
const REQUESTS = 24;
const WELL = "while all are well";
const SICK = "while one pod is silent and another unhealthy";
const SILENT_FOR_MS = 500;
/** For who asks one pod after the other, and waits a while for each. */
const GRACE_MS = 10_000;
const SICK_FOR = "sick";
const ASKED = "asked-the-silent-pod";
const USED = "used-when-well";

export const silentHealthCases: readonly Case[] = [
  httpCase({
    id: "POD-16",
    level: "declared-MUST",
    requirement: "R-POD-16",
    title: "While one pod does not answer how it is, another that calls itself unhealthy MUST still be left out.",
    needs: { anyPod: false, happenings: ["changed-page"], waitMs: ({ discovery }) => discovery?.healthMs ?? 0 },
    unsupported: claimed("discovery.healthMs", ({ discovery }) => discovery?.healthMs !== undefined),
    traffic: async (lab) => {
      const http = httpOf(lab);
      const { pods } = http;
      await exchangeTogether(lab, REQUESTS, WELL);
      const used = exchangesOf(lab.observation()).flatMap(({ attempts }) => attempts.map(({ pod }) => pod));
      const timesIn = (pod: string): number => used.filter((other) => other === pod).length;
      // Who never uses a pod leaves it out without having heard anything.
      const [sick = "", ...others] = lab.random.shuffle(lab.pods()).toSorted((a, b) => timesIn(b) - timesIn(a));
      const silent = others.at(-1) ?? "";
      lab.note(USED, timesIn(sick) > 0);
      const healthMs = lab.profile.discovery?.healthMs ?? 0;
      lab.note(SICK_FOR, sick);
      for (const path of HEALTH_PATHS) pods.setPage(path, HANG, silent);
      const before = HEALTH_PATHS.reduce((sum, path) => sum + pods.asked(path, silent), 0);
      await http.wait(healthMs + SILENT_FOR_MS);
      lab.note(ASKED, HEALTH_PATHS.reduce((sum, path) => sum + pods.asked(path, silent), 0) > before);
      pods.setPage(ALL_PATHS, { kind: "status", status: 503 }, sick);
      await http.wait(healthMs);
      await untilLeftOut(lab, sick);
      await exchangeTogether(lab, REQUESTS, SICK);
      for (const path of HEALTH_PATHS) pods.setPage(path, undefined, silent);
      pods.setPage(ALL_PATHS, undefined, sick);
      await http.wait(healthMs);
    },
    missing: (_exchanges, observation) => {
      if (noted(observation, USED) !== true) return "while all were well, no request reached a pod";
      return noted(observation, ASKED) === true
        ? undefined
        : "the router asked the silent pod nothing about its health";
    },
    finding: (exchanges, _profile, observation) => {
      const sick = noted(observation, SICK_FOR);
      const strays = exchanges.filter(
        ({ label, attempts }) => label === SICK && attempts.some(({ pod }) => pod === sick),
      );
      const [first] = strays;
      if (first === undefined) return undefined;
      return {
        reason: "silent-pod-hides-others",
        detail: `${strays.length} of ${REQUESTS} requests reached ${String(sick)}, which answered everything with 503 for the declared time and ${GRACE_MS / 1_000} s, while another pod did not say how it was; the first ended with status ${first.status}`,
      };
    },
  }),
];

/** Asks until no request of a round reaches the pod, or the time of grace is over. */
async function untilLeftOut(lab: Lab, pod: string): Promise<void> {
  const endMs = lab.nowMs() + GRACE_MS;
  const isUsed = async (): Promise<boolean> => {
    const round = Array.from({ length: REQUESTS }, () => exchange(lab, { label: "until it is left out" }));
    return (await Promise.all(round)).some(({ attempts }) => attempts.some((attempt) => attempt.pod === pod));
  };
  while ((await isUsed()) && lab.nowMs() < endMs) await httpOf(lab).wait(SILENT_FOR_MS);
}
