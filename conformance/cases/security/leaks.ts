/** SEC-05, SEC-06, SEC-08: what a client confides to a router stays between the two and the pod. */
import type { Case } from "../../case.ts";
import type { HttpLab } from "../../http-lab/http-facilities.ts";
import type { Lab } from "../../lab.ts";
import type { Observation } from "../../observation.ts";
import { completionBody, EMPTY_ANSWER, exchange, httpOf, noted, type Exchange } from "../trials/exchange.ts";
import { claimed } from "../claims.ts";
import { type Finding, httpCase, unreached } from "../trials/http-case.ts";

const FOUND = "found-in";

/** A word that stands nowhere by chance. */
const canary = (lab: Lab): string =>
  `canary${Array.from({ length: 4 }, () => lab.random.below(0x10000).toString(16).padStart(4, "0")).join("")}`;

/** A token and a cookie of their own; where the router itself wants a key, a wrong one would only be refused. */
function credentials(lab: Lab): { readonly headers: Readonly<Record<string, string>>; readonly secrets: string[] } {
  const [token, session] = [canary(lab), canary(lab)];
  const ownKey = Object.keys(httpOf(lab).headers).some((name) => name.toLowerCase() === "authorization");
  const headers = { cookie: `session=${session}`, ...(ownKey ? {} : { authorization: `Bearer ${token}` }) };
  return { headers, secrets: [token, session] };
}

/** Requests that end well and in every way that makes a router say something: each carries the secret. */
async function confide(
  lab: Lab,
  headers: Readonly<Record<string, string>>,
  prompt: string,
): Promise<readonly Exchange[]> {
  const body = (fields: Readonly<Record<string, unknown>> = {}): string => completionBody(lab, { prompt, ...fields });
  const refusal = { kind: "respond", status: 404, body: ['{"error":{"message":"no such model","code":404}}'] } as const;
  const requests = [
    { label: "served", body: body(), reply: EMPTY_ANSWER },
    { label: "malformed", body: `${body().slice(0, -1)},`, reply: { ...refusal, status: 400 } },
    { label: "unknown model", body: body({ model: "no-such-model" }), reply: refusal },
    { label: "broken off", body: body(), reply: { kind: "reset" } },
    { label: "no such path", body: body(), path: "/v1/no-such-path" },
  ] as const;
  const answers: Exchange[] = [];
  for (const each of requests) answers.push(await exchange(lab, { ...each, headers }));
  return answers;
}

/** Places the router shows to others than this client, and what stands there. */
async function shownToOthers(lab: Lab): Promise<Readonly<Record<string, string>>> {
  const http = httpOf(lab);
  await lab.quiet();
  const page = (await http.router.metricsPage()) ?? (await pageOfDataPort(http));
  return { "the metrics page": page, "the log": http.router.logs() ?? "" };
}

async function pageOfDataPort(http: HttpLab): Promise<string> {
  const { status, body } = await http.request({ method: "GET", path: "/metrics" });
  return status === 200 ? Buffer.from(body).toString("latin1") : "";
}

const headersOf = (exchanges: readonly Exchange[]): string =>
  exchanges.map(({ headers }) => JSON.stringify(headers)).join("\n");
const errorsOf = (exchanges: readonly Exchange[]): string =>
  exchanges.flatMap(({ status, body }) => (status >= 400 ? [body] : [])).join("\n");

function search(lab: Lab, secrets: readonly string[], places: Readonly<Record<string, string>>): void {
  const found = Object.entries(places).flatMap(([place, text]) =>
    secrets.some((secret) => text.includes(secret)) ? [place] : [],
  );
  lab.note(FOUND, found);
}

function exposure(observation: Observation, reason: string, what: string): Finding | undefined {
  const found = (noted(observation, FOUND) ?? []) as readonly string[];
  if (found.length === 0) return undefined;
  return { reason, detail: `${what} that a client sent stands in ${found.join(" and in ")}`, observed: found };
}

const reached = ([served]: readonly Exchange[]): string | undefined =>
  served?.attempts.length === 1 ? undefined : "the request that had to be served reached no pod";

export const leakCases: readonly Case[] = [
  httpCase({
    id: "SEC-05",
    level: "SHOULD",
    requirement: "R-SEC-5",
    title: "A client's credentials SHOULD stand in no metrics page, log, response header or error body.",
    needs: { happenings: ["failed-answer"] },
    traffic: async (lab) => {
      const { headers, secrets } = credentials(lab);
      const answers = await confide(lab, headers, lab.corpus.namespace().prompt([]).text);
      const places = { "a response header": headersOf(answers), "an error body": errorsOf(answers) };
      search(lab, secrets, { ...places, ...(await shownToOthers(lab)) });
    },
    missing: reached,
    finding: (_exchanges, _profile, observation) => exposure(observation, "credential-exposed", "a token or a cookie"),
  }),
  httpCase({
    id: "SEC-08",
    level: "declared-MUST",
    requirement: "R-SEC-8",
    title: "A client's authorization and cookie MUST reach the pod, or be kept back, as declared.",
    unsupported: claimed("forwards", ({ forwards }) => forwards !== undefined),
    traffic: async (lab) => {
      const { headers } = credentials(lab);
      await exchange(lab, { label: "served", reply: EMPTY_ANSWER, headers });
      lab.note("sent", headers);
    },
    missing: unreached,
    finding: ([served], { forwards = {} }, observation) => {
      const attempt = served?.attempts[0];
      if (attempt === undefined) return undefined;
      const sent = noted(observation, "sent") as Readonly<Record<string, string>>;
      const odd = (["authorization", "cookie"] as const).find((name) => {
        const arrived = attempt.headers.some(([key, value]) => key.toLowerCase() === name && value === sent[name]);
        return sent[name] !== undefined && forwards[name] !== undefined && forwards[name] !== arrived;
      });
      if (odd === undefined) return undefined;
      const [did, declared] = forwards[odd] === true ? ["did not reach", "forwarded"] : ["reached", "kept back"];
      return {
        reason: "credentials-not-as-declared",
        detail: `${odd} ${did} the pod and is declared to be ${declared}`,
      };
    },
  }),
  httpCase({
    id: "SEC-06",
    level: "SHOULD",
    requirement: "R-SEC-6",
    title: "Words of a prompt SHOULD stand in no log, metrics page or response header.",
    needs: { happenings: ["failed-answer"] },
    traffic: async (lab) => {
      const word = canary(lab);
      const answers = await confide(lab, {}, `${word} ${lab.corpus.namespace().prompt([]).text} ${word}`);
      search(lab, [word], { "a response header": headersOf(answers), ...(await shownToOthers(lab)) });
    },
    missing: reached,
    finding: (_exchanges, _profile, observation) => exposure(observation, "prompt-exposed", "a word of a prompt"),
  }),
];
