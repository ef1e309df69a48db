/** OBS-05: a decision record tells the truth, and one truth. */
import { resolvePointer } from "../../adapters/json-pointer.ts";
import type { Explain } from "../../adapters/observe.ts";
import type { Case } from "../../case.ts";
import type { Observation } from "../../observation.ts";
import { measureOf } from "../../oracle/measure.ts";
import type { Range } from "../../oracle/range.ts";
import { passes } from "../../oracle/threshold.ts";
import type { RouterProfile } from "../../router-profile.ts";
import { completionBody, exchange, httpOf, noted, type Exchange } from "../trials/exchange.ts";
import { type Finding, httpCase, unreached } from "../trials/http-case.ts";
import { noteAddresses, podCalled } from "./pod-names.ts";
import { cells, ratioIsOfRequest } from "../trials/shape.ts";
import { parseLatin } from "../trials/stream-text.ts";

const DECLARED = "declared-record";

export const explanationCases: readonly Case[] = [explanation()];

function explanation(): Case {
  const FAMILIES = 6;
  return httpCase({
    id: "OBS-05",
    level: "declared-MUST",
    requirement: "R-OBS-5",
    title:
      "A decision record MUST name the pod that served and MUST NOT contradict itself, the declared rule or what was sent before.",
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
        .map((each, place) => {
          const share = shareOf(promptAt(each), exchanges.slice(0, place).map(promptAt), profile);
          return falseExplanation(each, share, explain, profile, observation);
        })
        .find((found) => found !== undefined);
    },
  });
}

const ROUNDING = 1e-3;
/** What stands around a prompt, and how a router cuts it, moves the share of it that matches by less. */
const SHARE_MARGIN = 0.1;

const promptAt = ({ attempts }: Exchange): string => {
  const prompt = parseLatin(attempts.at(-1)?.body ?? "")?.["prompt"];
  return typeof prompt === "string" ? prompt : "";
};

/** The share of the prompt that is known from those before it; undefined where the profile says too little to tell. */
function shareOf(prompt: string, before: readonly string[], profile: RouterProfile): Range | undefined {
  const measure = measureOf(profile);
  if (measure === undefined || !ratioIsOfRequest(profile) || prompt === "") return undefined;
  const total = measure.total(prompt);
  const shared = before.map((known) => measure.shared(prompt, known));
  const most = Math.max(measure.chanceUnits, ...shared.map(({ high }) => high));
  // What did not fit into an index is not known any more.
  const least = profile.evict?.kind === "capacity" ? 0 : Math.max(0, ...shared.map(({ low }) => low));
  return { low: least / total.high - SHARE_MARGIN, high: most / Math.max(1, total.low) + SHARE_MARGIN };
}

function falseExplanation(
  { label, status, headers, attempts }: Exchange,
  share: Range | undefined,
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
  const part = typeof matched === "number" && typeof total === "number" ? { matched, total } : undefined;
  const told = typeof ratio === "number" ? ratio : part && ratioOf(part);
  if (part !== undefined && told !== undefined && Math.abs(told - ratioOf(part)) > ROUNDING) {
    const detail = `${label}: ${part.matched} of ${part.total} is not ${told}`;
    return { reason: "explanation-contradicts-itself", detail };
  }
  const used = at(explain.threshold);
  if (typeof used === "number" && typeof threshold?.value === "number" && used !== threshold.value) {
    return { reason: "explanation-contradicts-rule", detail: `threshold ${used}, declared ${threshold.value}` };
  }
  const reason = at(explain.reason);
  const hasFollowed = typeof reason === "string" && explain.followed?.includes(reason) === true;
  // Who went by load may have looked no further than it had to.
  if (share !== undefined && told !== undefined && (told > share.high || (hasFollowed && told < share.low))) {
    return {
      reason: "explanation-of-another-match",
      detail: `${label}: the record says that ${told} of the prompt matched; known of it was ${share.low.toFixed(2)} to ${share.high.toFixed(2)}`,
    };
  }
  if (part === undefined || !threshold || explain.followed === undefined || typeof reason !== "string")
    return undefined;
  if (passes(part.matched, part.total, threshold) === hasFollowed) return undefined;
  return { reason: "explanation-contradicts-rule", detail: `${label}: ${reason} at ${part.matched} of ${part.total}` };
}

const ratioOf = ({ matched, total }: { readonly matched: number; readonly total: number }): number =>
  total === 0 ? 0 : matched / total;

function parsed(header: string | readonly string[] | undefined): object | undefined {
  try {
    const value: unknown = JSON.parse(String(header));
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}
