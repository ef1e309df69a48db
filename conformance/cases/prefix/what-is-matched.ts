/** TOK: which part of a request is matched: roles, messages, parts, units. */
import type { Case } from "../../case.ts";
import { CHARS_PER_WORD, type Namespace, type Prompt, WORDS_PER_CELL } from "../../corpus/corpus.ts";
import { measureOf } from "../../oracle/measure.ts";
import { ANY_MATCH, passes } from "../../oracle/threshold.ts";
import type { RouterProfile } from "../../router-profile.ts";
import {
  all,
  belowReachable,
  busyOwner,
  claimed,
  coldReachable,
  exactLengths,
  followed,
  loadDecides,
  no,
  ofRequest,
  prefixAware,
  separable,
} from "../claims.ts";
import { unitBoundary } from "../trials/exact-shape.ts";
import { askBusyOwner } from "../trials/owner-trial.ts";
import { routingCase } from "../trials/routing-case.ts";
import { cells, over, type Shape, trunk, under } from "../trials/shape.ts";

const contrast = all(prefixAware, separable);
const chats = { transport: "http", chats: true } as const;
const inputClaimed = claimed("match.input", ({ match }: RouterProfile) => match?.input !== undefined);

/** Every text of a message as a list of one text part. */
function inParts(body: Readonly<Record<string, unknown>>): string {
  return JSON.stringify(body, (key, value: unknown) =>
    key === "content" && typeof value === "string" ? [{ type: "text", text: value }] : value,
  );
}

export const whatIsMatchedCases: readonly Case[] = [
  routingCase({
    id: "TOK-03",
    level: "SHOULD",
    requirement: "R-TOK-3",
    title: "The same text in another role SHOULD NOT match: a chat template writes the role into the prompt.",
    needs: chats,
    unsupported: all(contrast, coldReachable, inputClaimed, ({ match }) =>
      match?.input === "messages-joined" ? no("the profile declares that roles are dropped") : undefined,
    ),
    blame: { load: "roles-ignored" },
    trial: async (lab) => {
      const namespace = lab.corpus.namespace();
      const rest = { role: "user", cells: cells("turn", 10) } as const;
      await askBusyOwner(lab, {
        seed: namespace.chat([{ role: "system", cells: [] }, rest]),
        probe: namespace.chat([{ role: "user", cells: [] }, rest]),
        kind: "load",
      });
    },
  }),
  routingCase({
    id: "TOK-04",
    level: "SHOULD",
    requirement: "R-TOK-4",
    title: "The same text cut into messages at another place SHOULD NOT match beyond the first cut.",
    needs: chats,
    unsupported: all(contrast, belowReachable, coldReachable, inputClaimed, ({ match }) =>
      match?.input === "messages-joined" && match.separator === ""
        ? no("the profile declares that messages are joined without a mark")
        : undefined,
    ),
    blame: { load: "messages-run-together" },
    trial: async (lab) => {
      const namespace = lab.corpus.namespace();
      const text = cells("text", 11);
      await askBusyOwner(lab, {
        seed: namespace.chat([
          { role: "system", cells: text.slice(0, -1) },
          { role: "user", cells: text.slice(-1) },
        ]),
        probe: namespace.chat([
          { role: "system", cells: [] },
          { role: "user", cells: text },
        ]),
        kind: "load",
      });
    },
  }),
  routingCase({
    id: "TOK-05",
    level: "declared-MUST",
    requirement: "R-TOK-5",
    title: "A chat MUST be matched as a whole: a common system prompt counts by its share of all messages.",
    needs: chats,
    unsupported: all(contrast, belowReachable, coldReachable, inputClaimed),
    blame: { load: "only-the-first-message-matched", owner: "system-prompt-not-matched" },
    sharpOn: ["owner", "load"],
    trial: async (lab, index) => {
      const namespace = lab.corpus.namespace();
      const [shape, kind] =
        index % 2 === 0 ? ([under(lab.profile), "load"] as const) : ([over(lab.profile), "owner"] as const);
      const chat = index % 4 < 2 || shape.sharedCells < 2 ? systemAndUser : fourTurns;
      await askBusyOwner(lab, { seed: chat(namespace, shape, "first"), probe: chat(namespace, shape, "second"), kind });
    },
  }),
  routingCase({
    id: "TOK-10",
    level: "declared-MUST",
    requirement: "R-TOK-10",
    title: "Around the threshold, whole declared units MUST be counted: none is rounded up, none left out.",
    unsupported: all(prefixAware, loadDecides, busyOwner, coldReachable, exactLengths, ofRequest, (profile) =>
      unitBoundary(profile) === undefined ? no("no prompt of this unit meets the threshold exactly") : undefined,
    ),
    blame: { load: "units-rounded-up", owner: "units-rounded-down" },
    minimumSharp: 4,
    trial: async (lab, index) => {
      const boundary = unitBoundary(lab.profile);
      if (boundary === undefined) return;
      const namespace = lab.corpus.namespace();
      const sharedChars = boundary.sharedChars + ((index % 3) - 1) * boundary.unitChars;
      const known = trunk(namespace, MOST_CELLS).text.slice(0, sharedChars);
      const rest = namespace.prompt(cells("leaf", MOST_CELLS)).text.slice(NONCE_CHARS);
      const seed: Prompt = { text: known, cells: [`first ${sharedChars} characters`] };
      const probe: Prompt = {
        text: known + rest.slice(0, boundary.totalChars - sharedChars),
        cells: [...seed.cells, `to ${boundary.totalChars}`],
      };
      await askBusyOwner(lab, { seed, probe, kind: follows(lab.profile, seed, probe) ? "owner" : "load" });
    },
  }),
  routingCase({
    id: "TOK-13",
    level: "declared-MUST",
    requirement: "R-TOK-13",
    title: "Text given as content parts MUST be matched like the same text given as a string.",
    needs: chats,
    unsupported: all(prefixAware, followed, inputClaimed, ({ match }) =>
      match?.input === "json" ? no("the profile declares that the JSON itself is matched") : undefined,
    ),
    blame: { owner: "content-parts-not-matched" },
    trial: async (lab) => {
      const names = cells("turn", 6);
      const seed = lab.corpus.namespace().chat([{ role: "user", cells: names }]);
      await askBusyOwner(lab, { seed, probeOptions: { write: inParts }, kind: "owner" });
    },
  }),
  routingCase({
    id: "TOK-19",
    level: "declared-MUST",
    requirement: "R-TOK-19",
    title: "Of text given as several content parts all MUST count: a common first one is followed by its share.",
    needs: chats,
    unsupported: all(contrast, belowReachable, coldReachable, inputClaimed),
    blame: { load: "only-the-first-part-matched" },
    trial: async (lab) => {
      const namespace = lab.corpus.namespace();
      const { sharedCells, totalCells } = under(lab.profile);
      const write = inTwoParts(sharedCells * WORDS_PER_CELL * CHARS_PER_WORD);
      const asked = (name: string): Prompt => {
        const names = [...cells("trunk", sharedCells - 1), ...cells(name, totalCells - sharedCells)];
        return namespace.chat([{ role: "user", cells: names }]);
      };
      const options = { seedOptions: { write }, probeOptions: { write } };
      await askBusyOwner(lab, { seed: asked("first"), probe: asked("second"), ...options, kind: "load" });
    },
  }),
];

const MOST_CELLS = 21;
const NONCE_CHARS = 640;

function follows(profile: RouterProfile, seed: Prompt, probe: Prompt): boolean {
  const measure = measureOf(profile);
  if (measure === undefined) return false;
  return passes(
    measure.shared(probe.text, seed.text).low,
    measure.total(probe.text).high,
    profile.threshold ?? ANY_MATCH,
  );
}

/** A system prompt with the shared cells, a user's message with the rest. */
function systemAndUser(namespace: Namespace, { sharedCells, totalCells }: Shape, name: string): Prompt {
  return namespace.chat([
    { role: "system", cells: cells("trunk", sharedCells - 1) },
    { role: "user", cells: cells(name, totalCells - sharedCells) },
  ]);
}

/** The same with two messages of shared cells, and two of others. */
function fourTurns(namespace: Namespace, { sharedCells, totalCells }: Shape, name: string): Prompt {
  const shared = cells("trunk", sharedCells - 1);
  const rest = cells(name, totalCells - sharedCells);
  return namespace.chat([
    { role: "system", cells: shared.slice(0, -1) },
    { role: "user", cells: shared.slice(-1) },
    { role: "assistant", cells: rest.slice(0, 1) },
    { role: "user", cells: rest.slice(1) },
  ]);
}

/** Every text of a message as two text parts, of which the first is so long. */
const inTwoParts =
  (firstChars: number) =>
  (body: Readonly<Record<string, unknown>>): string =>
    JSON.stringify(body, (key, value: unknown) => {
      if (key !== "content" || typeof value !== "string") return value;
      return [value.slice(0, firstChars), value.slice(firstChars)].map((text) => ({ type: "text", text }));
    });
