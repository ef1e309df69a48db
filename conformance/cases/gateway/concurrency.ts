/** CON: many requests at once do not get into each other's way. */
import type { Case } from "../../case.ts";
import { all, coldReachable, countsInFlight, loadDecides } from "../claims.ts";
import {
  completionBody,
  EMPTY_ANSWER,
  exchange,
  httpOf,
  newRequestId,
  noted,
  PATIENCE_MS,
} from "../trials/exchange.ts";
import { httpCase, unreached } from "../trials/http-case.ts";
import { probeLabel } from "../trials/judged-probe.ts";
import { routingCase } from "../trials/routing-case.ts";
import type { Lab } from "../../lab.ts";

const CLIENTS = 32;
const REQUESTS_PER_CLIENT = 12;

/** Of three pods each batches up to 256; more than the hundred connections that HTTP clients keep by default. */
const AT_ONCE = 128;
const ALL_THERE = "all-there";

/** Every client sends its own nonce and its pod echoes it. */
async function echoStorm(lab: Lab): Promise<void> {
  const ids = Array.from({ length: CLIENTS * REQUESTS_PER_CLIENT }, () => newRequestId(lab));
  const bodies = ids.map(() => completionBody(lab));
  const client = async (from: number): Promise<void> => {
    for (let index = from; index < ids.length; index += CLIENTS) {
      const requestId = ids[index] ?? "";
      await exchange(
        lab,
        {
          label: requestId,
          body: bodies[index] ?? "",
          reply: {
            kind: "respond",
            status: 200,
            headers: [["content-type", "application/json"]],
            body: [`{"choices":[{"text":"`, `echo ${requestId}"}]}`],
          },
        },
        requestId,
      );
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, (_, from) => client(from)));
}

export const concurrencyCases: readonly Case[] = [
  httpCase({
    id: "CON-01",
    level: "MUST",
    requirement: "R-CON-1",
    title:
      "Under concurrency, each client MUST get the answer to its own request, and each request MUST reach one pod once.",
    needs: { happenings: ["requests-at-once"] },
    traffic: echoStorm,
    missing: unreached,
    finding: (exchanges) => {
      const crossed = exchanges.find(({ label, status, body }) => status === 200 && !body.includes(`echo ${label}"`));
      if (crossed !== undefined) {
        return { reason: "responses-crossed", detail: `${crossed.label} got: ${crossed.body.slice(0, 120)}` };
      }
      const lost = exchanges.find(({ status }) => status !== 200);
      if (lost !== undefined) {
        return { reason: "request-lost", detail: `${lost.label} got status ${lost.status} (${lost.end})` };
      }
      const repeated = exchanges.find(({ attempts }) => attempts.length > 1);
      if (repeated === undefined) return undefined;
      return { reason: "request-duplicated", detail: `${repeated.label} reached ${repeated.attempts.length} pods` };
    },
  }),
  httpCase({
    id: "CON-06",
    level: "SHOULD",
    requirement: "R-CON-6",
    title: "Requests that carry the same x-request-id at the same time SHOULD all be served.",
    needs: { happenings: ["requests-at-once"] },
    traffic: async (lab) => {
      const requestId = newRequestId(lab);
      const twins = ["first", "second", "third"].map((label) =>
        exchange(lab, { label, reply: EMPTY_ANSWER }, requestId),
      );
      await Promise.all(twins);
      await exchange(lab, { label: "once more", reply: EMPTY_ANSWER }, requestId);
    },
    missing: unreached,
    finding: (exchanges) => {
      const lost = exchanges.find(({ status }) => status !== 200);
      if (lost === undefined) return undefined;
      return { reason: "repeated-id-not-served", detail: `${lost.label}: status ${lost.status} (${lost.end})` };
    },
  }),
  httpCase({
    id: "CON-08",
    level: "SHOULD",
    requirement: "R-CON-8",
    title: "A hundred and twenty-eight requests at once SHOULD all reach their pods before any of them is answered.",
    needs: { happenings: ["scripted-answer"] },
    traffic: async (lab) => {
      const { pods } = httpOf(lab);
      const ids = Array.from({ length: AT_ONCE }, () => newRequestId(lab));
      const reply = { ...EMPTY_ANSWER, body: [{ wait: ALL_THERE }, ...EMPTY_ANSWER.body] };
      const sent = ids.map((id) => exchange(lab, { label: "one of many", reply, timeoutMs: 2 * PATIENCE_MS }, id));
      const arrive = (id: string): Promise<boolean> =>
        pods
          .waitUntil(id, (seen) => seen.length > 0, PATIENCE_MS / 2)
          .then(
            () => true,
            () => false,
          );
      const arrived = await Promise.all(ids.map(arrive));
      pods.release(ALL_THERE);
      await Promise.all(sent);
      lab.note(ALL_THERE, arrived.filter(Boolean).length);
    },
    missing: unreached,
    finding: (exchanges, _profile, observation) => {
      const arrived = Number(noted(observation, ALL_THERE));
      const refused = exchanges.filter(({ status }) => status !== 200).length;
      if (arrived === AT_ONCE && refused === 0) return undefined;
      return {
        reason: refused > 0 ? "requests-refused" : "requests-kept-waiting",
        detail: `of ${AT_ONCE} requests at once ${arrived} reached a pod while none was answered, and ${refused} were not served`,
        expected: [String(AT_ONCE)],
        observed: [String(arrived)],
      };
    },
  }),
  routingCase({
    id: "CON-03",
    level: "declared-MUST",
    requirement: "R-LOAD-3",
    title: "After many concurrent requests have ended, none of them MUST still count as load.",
    needs: { transport: "http", scriptedPods: true, happenings: ["requests-at-once"] },
    unsupported: all(loadDecides, coldReachable, countsInFlight),
    blame: { load: "finished-requests-still-counted" },
    trials: 1,
    trial: async (lab) => {
      await echoStorm(lab);
      for (const _pod of lab.pods()) await lab.hold(lab.corpus.namespace().prompt([]), { label: probeLabel("any") });
    },
  }),
];
