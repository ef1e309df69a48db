/** OBS-05: a decision record tells the truth, and one truth. */
import { resolvePointer } from "../../adapters/json-pointer.ts";
import type { Explain } from "../../adapters/observe.ts";
import type { Case } from "../../case.ts";
import type { Observation } from "../../observation.ts";
import { passes } from "../../oracle/threshold.ts";
import type { RouterProfile } from "../../router-profile.ts";
import { completionBody, exchange, httpOf, noted, type Exchange } from "../trials/exchange.ts";
import { type Finding, httpCase, unreached } from "../trials/http-case.ts";
import { noteAddresses, podCalled } from "./pod-names.ts";
import { cells } from "../trials/shape.ts";

const DECLARED = "declared-record";

export const explanationCases: readonly Case[] = [explanation()];

function explanation(): Case {
  const FAMILIES = 6;
  return httpCase({
    id: "OBS-05",
    level: "declared-MUST",
    requirement: "R-OBS-5",
    title: "A decision record MUST name the pod that served and MUST NOT contradict itself or the declared rule.",
    needs: { shows: ["observe.explain"], anyPod: false },
    traffic: async (lab) => {
      const { observe } = httpOf(lab).router;
      lab.note(DECLARED, observe.explain);
      noteAddresses(lab);
      for (let family = 0; family < FAMILIES; family++) {
        const namespace = lab.corpus.namespace();
        const trunk = cells("trunk", 5);
        // New, wholly known, mostly known, hardly known.
        for (const path of [trunk, trunk, [...trunk, "leaf"], [...trunk.slice(0, 1), ...cells("fork", 8)]]) {
          const body = completionBody(lab, { prompt: namespace.prompt(path).text, max_tokens: 1 });
          await exchange(lab, { label: `${path.length} cells`, body, headers: observe.explain?.ask ?? {} });
        }
      }
    },
    missing: unreached,
    finding: (exchanges, profile, observation) => {
      const explain = noted(observation, DECLARED) as Explain | undefined;
      if (explain === undefined) return undefined;
      return exchanges
        .map((each) => falseExplanation(each, explain, profile, observation))
        .find((found) => found !== undefined);
    },
  });
}

const ROUNDING = 1e-3;

function falseExplanation(
  { label, status, headers, attempts }: Exchange,
  explain: Explain,
  { threshold }: RouterProfile,
  observation: Observation,
): Finding | undefined {
  const truth = attempts.at(-1)?.pod;
  if (status !== 200 || truth === undefined) return undefined;
  const record = parsed(headers[explain.header.toLowerCase()]);
  if (record === undefined) return { reason: "not-explained", detail: `${label}: no JSON in ${explain.header}` };
  const at = (pointer: string | undefined): unknown =>
    pointer === undefined ? undefined : resolvePointer(record, pointer);
  const [matched, total, ratio] = [explain.matched, explain.total, explain.ratio].map(at);
  const podName = String(at(explain.pod));
  if (podCalled(podName, explain.podIs ?? "name", observation) !== truth) {
    return {
      reason: "explanation-names-another-pod",
      detail: `${label}: the record says ${podName}`,
      expected: [truth],
      observed: [podName],
    };
  }
  const numbers = typeof matched === "number" && typeof total === "number" && typeof ratio === "number";
  if (numbers && Math.abs(ratio - (total === 0 ? 0 : matched / total)) > ROUNDING) {
    return { reason: "explanation-contradicts-itself", detail: `${label}: ${matched} of ${total} is not ${ratio}` };
  }
  const used = at(explain.threshold);
  if (typeof used === "number" && typeof threshold?.value === "number" && used !== threshold.value) {
    return { reason: "explanation-contradicts-rule", detail: `threshold ${used}, declared ${threshold.value}` };
  }
  const reason = at(explain.reason);
  if (!numbers || !threshold || explain.followed === undefined || typeof reason !== "string") return undefined;
  if (passes(matched, total, threshold) === explain.followed.includes(reason)) return undefined;
  return { reason: "explanation-contradicts-rule", detail: `${label}: ${reason} at ${matched} of ${total}` };
}

function parsed(header: string | readonly string[] | undefined): object | undefined {
  try {
    const value: unknown = JSON.parse(String(header));
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}
