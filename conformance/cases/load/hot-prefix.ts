/** HOT: one prefix that everyone asks for at once. */
import type { Case } from "../../case.ts";
import type { Judgement } from "../../judgement.ts";
import { CHARS_PER_WORD } from "../../corpus/corpus.ts";
import type { Observation } from "../../observation.ts";
import type { RouterProfile } from "../../router-profile.ts";
import { maxBusy } from "../trials/lead.ts";
import { all, busyOwner, claimed, coldReachable, countsInFlight, loadDecides, prefixAware } from "../claims.ts";
import {
  attemptsOf,
  completionBody,
  exchange,
  type Exchange,
  httpOf,
  newRequestId,
  noted,
} from "../trials/exchange.ts";
import { httpCase } from "../trials/http-case.ts";
import { judgeService } from "../trials/judge-service.ts";
import { trunk } from "../trials/shape.ts";

const HERD = 64;
const BACKGROUND = 24;
const IN_TIME_MS = 1_500;
/** What a saturated pod waits for. */
const RELIEF = "relief";
const JSON_TYPE = ["content-type", "application/json"] as const;

const fanOutOf = ({ insert }: RouterProfile): number | undefined => insert?.fanOut;

export const hotPrefixCases: readonly Case[] = [
  httpCase({
    id: "HOT-02",
    level: "SHOULD",
    requirement: "R-HOT-2",
    title:
      "While one prefix saturates its pod, prompts that share nothing with it SHOULD be answered by others in time.",
    needs: { anyPod: false, happenings: ["scripted-answer"] },
    unsupported: all(prefixAware, loadDecides, busyOwner, coldReachable, countsInFlight),
    traffic: async (lab) => {
      const http = httpOf(lab);
      const hot = trunk(lab.corpus.namespace(), 4);
      const { pod } = await lab.send(hot, { label: "seed" });
      if (pod === null) return;
      const saturated = { kind: "respond", status: 200, headers: [JSON_TYPE], body: [{ wait: RELIEF }, "{}"] } as const;
      const waiting: { readonly id: string; readonly done: Promise<Exchange> }[] = [];
      // As many as the gate lets it have: whatever else reaches the pod waits behind them.
      for (let index = 0; index < maxBusy(lab.profile, lab.pods().length); index++) {
        const id = newRequestId(lab);
        const body = completionBody(lab, { prompt: hot.text });
        waiting.push({ id, done: exchange(lab, { label: "hot", body, reply: saturated }, id) });
        await http.pods.waitUntil(id, (seen) => seen.length > 0, IN_TIME_MS).catch(() => undefined);
      }
      lab.note(
        "saturated",
        waiting.filter(({ id }) => attemptsOf(http, id).some((attempt) => attempt.pod === pod)).length,
      );
      for (let index = 0; index < BACKGROUND; index++) {
        const id = newRequestId(lab);
        http.pods.script({ requestId: id, pod, reply: saturated });
        const { end } = await exchange(lab, { label: "background", timeoutMs: IN_TIME_MS }, id);
        if (end === "timeout") break;
      }
      http.pods.release(RELIEF);
      await Promise.all(waiting.map(({ done }) => done));
    },
    missing: (_exchanges, observation) =>
      noted(observation, "saturated") === 0 ? "no request for the hot prefix was held at its pod" : undefined,
    finding: (exchanges) => {
      const background = exchanges.filter(({ label }) => label === "background");
      const stuck = background.find(({ status, end }) => end !== "complete" || status !== 200);
      if (stuck === undefined) return undefined;
      return {
        reason: "stuck-behind-a-hot-prefix",
        detail: `background request ${background.length} of ${BACKGROUND} got status ${stuck.status} (${stuck.end}) within ${IN_TIME_MS} ms while ${exchanges.length - background.length} requests for another prefix waited`,
      };
    },
  }),
  {
    id: "HOT-04",
    level: "declared-MUST",
    requirement: "R-HOT-4",
    title: "Requests of one new prefix that come all at once MUST NOT be scattered over more pods than declared.",
    needs: { transport: "any" },
    unsupported: all(
      prefixAware,
      claimed("insert.fanOut", (profile) => fanOutOf(profile) !== undefined),
    ),
    traffic: async (lab) => {
      const prompt = trunk(lab.corpus.namespace(), 4);
      await Promise.all(Array.from({ length: HERD }, () => lab.hold(prompt, { label: "herd" })));
    },
    judge: judgeHerd,
  },
];

function judgeHerd(observation: Observation, profile: RouterProfile): Judgement {
  const unserved = judgeService(observation);
  if (unserved !== undefined) return unserved;
  const herd = observation.steps.flatMap((step) => (step.kind === "sent" && step.label === "herd" ? [step] : []));
  const together = herd.filter(({ held }) => held).length;
  if (together < HERD) {
    return {
      verdict: "inconclusive",
      reason: "precondition-not-met",
      detail: `only ${together} of ${HERD} requests were open at once`,
    };
  }
  const pods = [...new Set(herd.flatMap(({ attempts }) => attempts))];
  const most = fanOutOf(profile) ?? Infinity;
  if (pods.length <= most) return { verdict: "pass" };
  const chars = herd[0]?.prompt.text.length ?? 0;
  return {
    verdict: "fail",
    reason: "herd-scattered",
    detail: `${HERD} requests of one new prompt of ${chars / CHARS_PER_WORD} words, sent at once, reached ${pods.length} pods; declared are ${most}`,
    expected: [`at most ${most}`],
    observed: pods,
  };
}
