/** TOK: text that is awkward to cut, to parse or to match. */
import type { Case } from "../../case.ts";
import { CHARS_PER_WORD } from "../../corpus/corpus.ts";
import type { RouterProfile } from "../../router-profile.ts";
import {
  all,
  busyOwner,
  coldReachable,
  countableLoad,
  loadDecides,
  no,
  none,
  prefixAware,
  separable,
} from "../claims.ts";
import { completionBody, EMPTY_ANSWER, exchange, noted, type Exchange } from "../trials/exchange.ts";
import { httpCase, unreached } from "../trials/http-case.ts";
import { probeLabel } from "../trials/judged-probe.ts";
import { asIds, withAnotherHighByte } from "../trials/id-prompts.ts";
import { askBusyOwner } from "../trials/owner-trial.ts";
import { judgeService } from "../trials/judge-service.ts";
import { routingCase } from "../trials/routing-case.ts";
import { parseLatin } from "../trials/stream-text.ts";

/** Pairs that share the first bytes of a character and differ inside it. */
const TORN = [
  ["é", "è"],
  ["東", "杠"],
  ["🙂", "🙃"],
  ["e\u0301", "e\u0300"],
  ["👩‍👩‍👧", "👩‍👩‍👦"],
] as const;

const FEWEST_UNITS_PER_BLOCK = 16;

function oneBlockChars({ match }: RouterProfile): number {
  const unit = match?.unit;
  if (typeof unit !== "object" || !("block" in unit)) return 0;
  return unit.block * (unit.of === "token" ? CHARS_PER_WORD : 1);
}

/** Half of a surrogate pair, as JSON spells it. */
const LONE = "\\ud800";
const CHANGED = "text-changed";

/** An ordinary request: one that nobody served tells nothing of the odd ones before it. */
const AFTERWARDS = "afterwards";
const afterwardsUnreached = (exchanges: readonly Exchange[]): string | undefined =>
  unreached(exchanges.filter(({ label }) => label === AFTERWARDS));

export const textCases: readonly Case[] = [
  {
    id: "TOK-01",
    level: "MUST",
    requirement: "R-TOK-1",
    title: "Prompts that part inside a character MUST be answered, in either order.",
    needs: { transport: "any", anyPod: true },
    unsupported: none,
    traffic: async (lab) => {
      for (const [one, other] of TORN) {
        for (const [first, second] of [
          [one, other],
          [other, one],
        ] as const) {
          const { text } = lab.corpus.namespace().prompt(["a:0.1"]);
          for (const end of [first, second, first + second, ""]) {
            await lab.send({ text: text + end, cells: [] }, { label: "torn" });
          }
        }
      }
    },
    judge: (observation) => judgeService(observation) ?? { verdict: "pass" },
  },
  httpCase({
    id: "TOK-02",
    level: "MUST",
    requirement: "R-TOK-1",
    title:
      "Control characters, lone surrogates, right-to-left text and long runs of one character MUST NOT break the router, and what is text MUST reach the pod as it is.",
    traffic: async (lab) => {
      const texts = [LONE, "nul\\u0000nul", "\\u202eright to left", "👩‍🚀 ".repeat(200), "a".repeat(300_000)];
      for (const text of texts) {
        const body = `{"model":${JSON.stringify(lab.models[0])},"max_tokens":1,"prompt":"${text}"}`;
        const { attempts } = await exchange(lab, { label: text.slice(0, 12), body, reply: EMPTY_ANSWER });
        const arrived = parseLatin(attempts[0]?.body ?? "")?.["prompt"];
        // Half a pair is no text: who replaces it changes none.
        if (attempts.length > 0 && text !== LONE && arrived !== JSON.parse(`"${text}"`))
          lab.note(CHANGED, text.slice(0, 12));
        await exchange(lab, { label: AFTERWARDS });
      }
    },
    missing: afterwardsUnreached,
    finding: (exchanges, _profile, observation) => {
      const broken = exchanges.find(
        ({ label, status }) => status === 0 || status >= 500 || (label === AFTERWARDS && status !== 200),
      );
      if (broken !== undefined) {
        return {
          reason: "text-broke-the-router",
          detail: `${JSON.stringify(broken.label)}: status ${broken.status} (${broken.end})`,
        };
      }
      const changed = noted(observation, CHANGED);
      if (changed === undefined) return undefined;
      return {
        reason: "text-changed",
        detail: `the prompt that begins ${JSON.stringify(changed)} reached its pod as another`,
      };
    },
  }),
  httpCase({
    id: "TOK-06",
    level: "MUST",
    requirement: "R-TOK-6",
    title: "Chats with content parts, images and tools MUST NOT break the router.",
    traffic: async (lab) => {
      const reply = {
        kind: "respond",
        status: 200,
        headers: [["content-type", "application/json"]],
        body: ['{"choices":[]}'],
      } as const;
      const contents: readonly unknown[] = [
        [{ type: "text", text: "in parts" }],
        [
          { type: "text", text: "look" },
          { type: "image_url", image_url: { url: "data:image/png;base64,AAAA" } },
        ],
        "plain",
      ];
      for (const content of contents) {
        await exchange(lab, {
          label: "chat",
          path: "/v1/chat/completions",
          body: JSON.stringify({
            model: lab.models[0],
            messages: [{ role: "user", content }],
            tools: [{ type: "function", function: { name: "f", parameters: { type: "object", properties: {} } } }],
          }),
          reply,
        });
      }
      await exchange(lab, { label: AFTERWARDS });
    },
    missing: afterwardsUnreached,
    finding: (exchanges) => {
      const broken = exchanges.find(({ status }) => status === 0 || status >= 500);
      if (broken === undefined) return undefined;
      return { reason: "chat-broke-the-router", detail: `status ${broken.status} (${broken.end})` };
    },
  }),
  httpCase({
    id: "TOK-07",
    level: "SHOULD",
    requirement: "R-TOK-7",
    title: "A completion prompt given as a list of texts or of token ids SHOULD be served or cleanly refused.",
    traffic: async (lab) => {
      for (const prompt of [
        ["one", "two"],
        [1, 2, 3],
        [[1, 2], [3]],
      ]) {
        await exchange(lab, { label: JSON.stringify(prompt), body: completionBody(lab, { prompt }) });
      }
      await exchange(lab, { label: AFTERWARDS });
    },
    missing: afterwardsUnreached,
    finding: (exchanges) => {
      const broken = exchanges.find(({ status }) => status === 0 || status >= 500);
      if (broken !== undefined) {
        return {
          reason: "prompt-form-broke-the-router",
          detail: `${broken.label}: status ${broken.status} (${broken.end})`,
        };
      }
      const promptAt = ({ attempts }: Exchange): string =>
        JSON.stringify(parseLatin(attempts[0]?.body ?? "")?.["prompt"]);
      const changed = exchanges.find(
        (got) => got.label !== AFTERWARDS && got.attempts.length > 0 && promptAt(got) !== got.label,
      );
      if (changed === undefined) return undefined;
      return {
        reason: "prompt-changed",
        detail: `the prompt ${changed.label} reached its pod as ${promptAt(changed)}`,
      };
    },
  }),
  routingCase({
    id: "TOK-18",
    level: "declared-MUST",
    requirement: "R-TOK-18",
    title:
      "Prompts of as many token ids MUST NOT be taken for one another, nor those of the same ids in another order or of ids that share a byte.",
    needs: { idPrompts: true },
    unsupported: all(prefixAware, separable, coldReachable),
    blame: { load: "other-ids-matched" },
    trial: async (lab, index) => {
      const seed = asIds(lab);
      const other = asIds(lab);
      const { tokenIds } = seed;
      const probes = [other.tokenIds, tokenIds.toReversed(), tokenIds.map(withAnotherHighByte)];
      const probe = { ...other, tokenIds: probes[index % probes.length] ?? other.tokenIds };
      await askBusyOwner(lab, { seed, probe, kind: "load" });
    },
  }),
  routingCase({
    id: "TOK-11",
    level: "declared-MUST",
    requirement: "R-TOK-11",
    title: "Prompts of one block or less MUST NOT be taken for one another.",
    unsupported: all(prefixAware, loadDecides, countableLoad, busyOwner, coldReachable, ({ match }) =>
      typeof match?.unit === "object" && "block" in match.unit && match.unit.block >= FEWEST_UNITS_PER_BLOCK
        ? undefined
        : no("the router does not match in blocks"),
    ),
    blame: { load: "sub-block-prompts-matched" },
    trials: 1,
    trial: async (lab) => {
      for (let index = 0; index < 40; index++) {
        const { text } = lab.corpus.namespace().prompt(["more"]);
        // Two words: shorter than any block; or one block and two words.
        const chars = index % 2 === 0 ? 10 : oneBlockChars(lab.profile) + 10;
        await lab.hold({ text: text.slice(0, chars), cells: [] }, { label: probeLabel("any") });
      }
    },
  }),
];
