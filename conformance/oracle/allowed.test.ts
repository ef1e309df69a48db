import { expect, it } from "vitest";
import type { Observation, SentStep, Step } from "../observation.ts";
import type { RouterProfile } from "../router-profile.ts";
import { allowed } from "./allowed.ts";

const PROFILE: RouterProfile = {
  match: { unit: "char", input: "prompt" },
  threshold: { value: 0.5, comparison: ">", ratioOf: "request", owners: "live" },
  owners: "all",
  insert: { at: "dispatch", when: "success" },
  cold: "least-load",
  load: { signal: "in-flight" },
  gate: null,
  evict: null,
  isolation: { model: true },
  discovery: { returningPodIsCold: true },
  exact: true,
};

/** A hundred characters that start with a letter of their own. */
const text = (letters: string): string => Array.from(letters, (letter) => letter.repeat(100)).join("");

let clockMs = 0;
const sent = (letters: string, pod: string | null, more: Partial<SentStep> = {}): SentStep => {
  clockMs += 10;
  return {
    kind: "sent",
    label: "sent",
    requestId: `request-${clockMs}`,
    model: "m",
    prompt: { text: text(letters), cells: [] },
    attempts: pod === null ? [] : [pod],
    pod,
    status: 200,
    held: false,
    startMs: clockMs,
    endMs: clockMs + 1,
    ...more,
  };
};
const held = (letters: string, pod: string): SentStep => sent(letters, pod, { held: true });
const pods = (change: "start" | "add" | "remove", pod: string | null, ...present: string[]): Step => {
  clockMs += 10;
  return { kind: "pods", change, pod, pods: present, atMs: clockMs };
};
const start = (): Step => pods("start", null, "a", "b", "c");

/** The pods allowed for `letters` after these steps. */
function ask(steps: readonly Step[], letters: string, profile: RouterProfile = PROFILE, more: Partial<SentStep> = {}) {
  const request = sent(letters, null, more);
  const observation: Observation = { caseId: "T", seed: 1, transport: "function", steps: [...steps, request] };
  const { zone, allowed: allowedPods } = allowed(observation, request, profile);
  return { zone, allowed: allowedPods };
}

it("follows the owner above the threshold however busy it is", () => {
  const steps = [start(), sent("xy", "a"), held("q", "a"), held("r", "a")];
  expect(ask(steps, "xyz")).toEqual({ zone: "owner", allowed: ["a"] });
});

it("goes by load at exactly the threshold with > and follows with >=", () => {
  const steps = [start(), sent("x", "a"), held("q", "a")];
  expect(ask(steps, "xy")).toEqual({ zone: "load", allowed: ["b", "c"] });
  const inclusive = { ...PROFILE, threshold: { ...PROFILE.threshold!, comparison: ">=" as const } };
  expect(ask(steps, "xy", inclusive)).toEqual({ zone: "owner", allowed: ["a"] });
});

it("leaves the answer open near the threshold when equality cannot be tested", () => {
  const steps = [start(), sent("x", "a"), held("q", "a")];
  expect(ask(steps, "xy", { ...PROFILE, exact: false }).allowed).toEqual(["a", "b", "c"]);
});

it("follows what the router did, not what it should have done", () => {
  const steps = [start(), sent("xy", "a"), held("q", "a"), sent("xyz", "b")];
  expect(ask(steps, "xyz").allowed).toEqual(["b"]);
});

it("takes the longest match over a more recent one, and the less loaded of equals", () => {
  const steps = [start(), sent("xyz", "a"), sent("xy", "b")];
  expect(ask(steps, "xyz").allowed).toEqual(["a"]);
  expect(ask([...steps, held("q", "a")], "xy").allowed).toEqual(["b"]);
});

it("lets any owner serve when the number of owners is not declared", () => {
  const { owners: _owners, ...unknown } = PROFILE;
  const steps = [start(), sent("xyz", "a"), sent("xyz", "b"), held("q", "c")];
  expect(ask(steps, "xyz", unknown).allowed).toEqual(["a", "b"]);
});

it("knows only the last owner where that is declared", () => {
  const steps = [start(), sent("xyz", "a"), sent("xyz", "b")];
  expect(ask(steps, "xyz", { ...PROFILE, owners: "last" }).allowed).toEqual(["b"]);
});

it("never narrows by a claim that is left out", () => {
  const steps = [start(), sent("xyz", "a"), held("xyz", "a"), sent("w", "b")];
  for (const claim of Object.keys(PROFILE) as (keyof RouterProfile)[]) {
    const { [claim]: _left, ...rest } = PROFILE;
    for (const letters of ["xyz", "xw", "w", "v"]) {
      expect(ask(steps, letters, rest).allowed).toEqual(expect.arrayContaining([...ask(steps, letters).allowed]));
    }
  }
});

it("opens the gate above the declared imbalance and not at it", () => {
  const gate = { over: "min", absolute: 2, relative: 1.5, comparison: ">" } as const;
  const two = [start(), held("xy", "a"), held("xy", "a")];
  expect(ask(two, "xy", { ...PROFILE, gate }).zone).toBe("owner");
  expect(ask([...two, held("xy", "a")], "xy", { ...PROFILE, gate })).toEqual({ zone: "gate", allowed: ["b", "c"] });
});

it("spills over the mean as measured: eleven held against four on each other pod", () => {
  const gate = { over: "mean", absolute: 64, relative: 1.5, comparison: ">" } as const;
  const four = pods("start", null, "a", "b", "c", "d");
  const others = ["b", "c", "d"].flatMap((pod) => Array.from({ length: 4 }, () => held("q", pod)));
  const own = (count: number) => Array.from({ length: count }, () => held("xy", "a"));
  expect(ask([four, ...others, ...own(10)], "xy", { ...PROFILE, gate }).zone).toBe("owner");
  expect(ask([four, ...others, ...own(11)], "xy", { ...PROFILE, gate }).zone).toBe("gate");
});

it("is not sure of what a long answer, asked before and learnt after, may have pushed out", () => {
  const evict = { kind: "capacity", units: 400, per: "pod", order: "lru" } as const;
  const profile: RouterProfile = { ...PROFILE, insert: { at: "response", when: "success" }, evict };
  const zoneWhenLongEnds = (after: number): string => {
    const began = start();
    const long = sent("abc", "a", { endMs: clockMs + 10 + after });
    return ask([began, long, sent("xy", "a")], "xy", profile, { startMs: clockMs + 500 }).zone;
  };
  expect(zoneWhenLongEnds(1)).toBe("owner");
  expect(zoneWhenLongEnds(200)).toBe("either");
});

it("forgets by TTL, surely after it and surely not before", () => {
  const evict = { kind: "ttl", ttlMs: 1_000, sweepMs: 0, sliding: true } as const;
  const steps = [start(), sent("xy", "a"), held("q", "a")];
  const at = (afterMs: number) => ({ startMs: clockMs + afterMs, endMs: clockMs + afterMs });
  expect(ask(steps, "xy", { ...PROFILE, evict }, at(500)).zone).toBe("owner");
  expect(ask(steps, "xy", { ...PROFILE, evict }, at(1_000)).zone).toBe("either");
  expect(ask(steps, "xy", { ...PROFILE, evict }, at(2_000)).zone).toBe("load");
});

it("is not sure of what a fixed TTL keeps while a common head, were it one character, may be older and take it along", () => {
  const evict = { kind: "ttl", ttlMs: 1_000, sweepMs: 0, sliding: false } as const;
  const zoneAfter = (gapMs: number, elder: string): string => {
    const old = sent("", "b", { prompt: { text: elder, cells: [] } });
    const youngMs = old.startMs + gapMs;
    const young = sent("xy", "a", { startMs: youngMs, endMs: youngMs + 1 });
    const later = { startMs: youngMs + 500, endMs: youngMs + 501 };
    return ask([start(), old, young, held("q", "c")], "xy", { ...PROFILE, evict }, later).zone;
  };
  expect(zoneAfter(900, "x and nothing more")).toBe("either");
  expect(zoneAfter(900, "nothing of it")).toBe("owner");
  // It was gone before the young one came.
  expect(zoneAfter(1_300, "x and nothing more")).toBe("owner");
});

it("drops a pod that left, and takes it back cold where that is declared", () => {
  const steps = [start(), sent("xy", "a"), pods("remove", "a", "b", "c")];
  expect(ask(steps, "xy")).toEqual({ zone: "load", allowed: ["b", "c"] });
  const returned = [...steps, pods("add", "a", "a", "b", "c"), held("q", "a")];
  expect(ask(returned, "xy").zone).toBe("load");
  expect(ask(returned, "xy", { ...PROFILE, discovery: { returningPodIsCold: false } }).zone).toBe("owner");
  expect(ask(returned, "xy", { ...PROFILE, discovery: {} }).zone).toBe("either");
});

it("does not count another model's prompts where models are isolated", () => {
  const steps = [start(), sent("xy", "a", { model: "other" }), held("q", "a")];
  expect(ask(steps, "xy").zone).toBe("load");
  expect(ask(steps, "xy", { ...PROFILE, isolation: {} }).zone).toBe("either");
});

it("gives a failed request no owner where only success is learnt", () => {
  const steps = [start(), sent("xy", "a", { status: 500 }), held("q", "a")];
  expect(ask(steps, "xy").zone).toBe("load");
});

it("is not sure that an HTTP router has noticed the end of the last request, until the router shows it", () => {
  const request = sent("v", null);
  const steps = [
    start(),
    sent("q", "a", { startMs: request.startMs - 5, endMs: request.startMs - 2 }),
    held("r", "b"),
    held("s", "c"),
  ];
  const ordered = steps.map((step) => (step.kind === "sent" && step.held ? { ...step, startMs: 0, endMs: 0 } : step));
  const observe = (transport: "function" | "http", ...more: Step[]) =>
    allowed(
      {
        caseId: "T",
        seed: 1,
        transport,
        steps: [{ ...ordered[0]!, atMs: 0 } as Step, ...ordered.slice(1), ...more, request],
      },
      request,
      PROFILE,
    ).allowed;
  expect(observe("function")).toEqual(["a"]);
  expect(observe("http")).toEqual(["a", "b", "c"]);
  expect(observe("http", { kind: "quiet", atMs: request.startMs - 3 })).toEqual(["a", "b", "c"]);
  expect(observe("http", { kind: "quiet", atMs: request.startMs - 1 })).toEqual(["a"]);
});

it("counts whole blocks only", () => {
  const blocks = { ...PROFILE, match: { unit: { block: 64, of: "char" }, partialBlock: "dropped" } } as RouterProfile;
  // 100 of 200 characters are one block of 64 out of three: under one half.
  expect(ask([start(), sent("x", "a"), held("q", "a")], "xy", blocks).zone).toBe("load");
});

it("lets the pod that took over from one that left own the prefix, however many owners there are", () => {
  const { owners: _, ...unstated } = PROFILE;
  const steps = [start(), sent("xy", "a"), pods("remove", "a", "b", "c"), sent("xy", "b"), held("q", "b")];
  expect(ask(steps, "xy", unstated)).toEqual({ zone: "owner", allowed: ["b"] });
  // While the first owner is there, either may be the only one.
  const both = [start(), sent("xy", "a"), sent("xy", "b")];
  expect(ask(both, "xy", unstated)).toEqual({ zone: "owner", allowed: ["a", "b"] });
  // The one that may have been learnt alone has left.
  expect(ask([...both, pods("remove", "b", "a", "c")], "xy", unstated).zone).toBe("either");
});

it("counts what an earlier case surely left in the load window, and grants what it may have left", () => {
  const windowed: RouterProfile = { ...PROFILE, load: { signal: "window", windowMs: 60_000 } };
  const after = (surely: boolean, ageMs: number, steps: readonly Step[] = [start()]): readonly string[] => {
    const request = sent("x", null);
    const carried = [{ pod: "a", atMs: request.startMs - ageMs, promptChars: 100, surely }];
    const observation: Observation = { caseId: "T", seed: 1, transport: "http", steps: [...steps, request], carried };
    return allowed(observation, request, windowed).allowed;
  };
  expect(after(true, 1_000)).toEqual(["b", "c"]);
  expect(after(false, 1_000)).toEqual(["a", "b", "c"]);
  // At the edge of the window, or where the pod went meanwhile, nobody knows.
  expect(after(true, 59_500)).toEqual(["a", "b", "c"]);
  expect(after(true, 1_000, [start(), pods("remove", "a", "b", "c"), pods("add", "a", "a", "b", "c")])).toEqual([
    "a",
    "b",
    "c",
  ]);
});

it("grants a router over HTTP that learns at the end of a response a moment to notice it", () => {
  const learner: RouterProfile = { ...PROFILE, insert: { at: "response", when: "success" } };
  const askAfter = (ms: number): readonly string[] => {
    const pair = pods("start", null, "a", "b");
    const seed = sent("xy", "a");
    const request = sent("xy", null, { startMs: seed.endMs + ms, endMs: seed.endMs + ms + 1 });
    const steps = [pair, seed, request];
    return allowed({ caseId: "T", seed: 1, transport: "http", steps }, request, learner).allowed;
  };
  expect(askAfter(1)).toEqual(["a", "b"]);
  expect(askAfter(31)).toEqual(["a"]);
});
