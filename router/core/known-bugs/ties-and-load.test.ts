import { expect, it } from "vitest";
import type { FunctionRouterOptions } from "../function-router.ts";
import { STRATEGIES } from "../options.ts";
import type { PodView } from "../pod-view.ts";
import { range, Subject } from "./test-subject.ts";

it("equal pods draw evenly and without a pattern (TIE-01, TIE-04: smg #1714; vr #198; dyn #9516; gie #2805)", () => {
  const subject = new Subject(["a", "b", "c", "d"], { strategy: "least-request" });
  const pods = Array.from({ length: 400 }, (_, index) => {
    const record = subject.send([index]);
    subject.end(record);
    return record.pod ?? "";
  });
  for (const name of ["a", "b", "c", "d"]) {
    const share = pods.filter((pod) => pod === name).length;
    expect(share).toBeGreaterThan(55);
    expect(share).toBeLessThan(145);
  }
  for (let period = 1; period <= 16; period++) {
    const repeats = pods.filter((pod, index) => pods[index - period] === pod).length;
    expect(repeats).toBeLessThan(200);
  }
});

it.each([
  "least-request",
  "power-of-two",
  "prefix-cache-and-load",
  "prefix-hash",
  "cache-aware",
  "least-kv-cache",
] as const)(
  "the least loaded of one, two or three pods is taken, in every order: %s (LOAD-02, TIE-05, GATE-01: smg #2146; gie #2583; aib #1386; lit #1195)",
  (strategy) => {
    // Usage by the pods' own report, for the strategy that goes by it; requests in flight for all others.
    const usage: Record<string, number> = { idle: 0.1, busy: 0.5, busier: 0.9 };
    const lookAtPod = (name: string): PodView => ({ kvUsageRatio: usage[name] ?? 1 });
    for (const names of orders(["idle", "busy", "busier"])) {
      const subject = new Subject(names, { strategy, lookAtPod });
      for (const [pod, requests] of [
        ["busy", 2],
        ["busier", 4],
      ] as const) {
        if (!names.includes(pod)) continue;
        for (let request = 0; request < requests; request++)
          subject.sendTo(pod, range(request * 100, request * 100 + 99));
      }
      const taken = Array.from({ length: 20 }, (_, index) => {
        const record = subject.send(range(5001 + index * 100, 5100 + index * 100));
        subject.end(record, "error");
        return record.pod;
      });
      const least = ["idle", "busy", "busier"].find((name) => names.includes(name));
      const most = ["busier", "busy", "idle"].find((name) => names.includes(name));
      if (strategy === "power-of-two" && names.length === 3) expect(taken).not.toContain(most);
      else expect(new Set(taken)).toEqual(new Set([least]));
    }
  },
);

/** Every order of every choice of at least one. */
function orders(names: readonly string[]): string[][] {
  return names.flatMap((name) => [
    [name],
    ...orders(names.filter((other) => other !== name)).map((rest) => [name, ...rest]),
  ]);
}

it.each(["prefix-cache-and-load", "prefix-hash", "cache-aware"] as const)(
  "of equally idle pods the one that knows the prompt gets it: %s (TIE-02: aib #1906; dyn #3581)",
  (strategy) => {
    const subject = new Subject(["a", "b", "c"], { strategy });
    subject.end(subject.sendTo("b", range(1, 200)));
    expect(subject.send(range(1, 200)).pod).toBe("b");
  },
);

it("a miss goes to the idle pod, and not to the one that knows least (GATE-03: sgl #14305, #14532; dyn #7836)", () => {
  const subject = new Subject(["knows-much", "knows-little"], { strategy: "cache-aware" });
  subject.end(subject.sendTo("knows-much", range(1, 5000)));
  subject.sendTo("knows-little", [1, 2, 3]);
  expect(subject.send(range(9001, 9100)).pod).toBe("knows-much");
});

it("turns are counted for each model (TIE-03: ps #916)", () => {
  const subject = new Subject(["a", "b"], { strategy: "round-robin" });
  const pods = Array.from({ length: 8 }, (_, index) => subject.send([1], { model: index % 2 === 0 ? "m" : "n" }).pod);
  expect(pods.filter((_, index) => index % 2 === 0)).toEqual(["a", "b", "a", "b"]);
  expect(pods.filter((_, index) => index % 2 === 1)).toEqual(["a", "b", "a", "b"]);
});

it("what is not known of a pod is not zero (FRESH-02, FRESH-03: gie #1497; smg #1867; aib #638, #2057)", () => {
  const views: Record<string, PodView | undefined> = {
    known: { kvUsageRatio: 0.8 },
    silent: undefined,
    partial: {},
    garbage: { kvUsageRatio: NaN },
    negative: { kvUsageRatio: -1 },
  };
  const subject = new Subject(Object.keys(views), { strategy: "least-kv-cache", lookAtPod: (name) => views[name] });
  for (let request = 0; request < 10; request++) expect(subject.send([request]).pod).toBe("known");
});

it("where nothing is known, requests in flight decide (FRESH-01: aib #638; ldr #2547)", () => {
  const subject = new Subject(["a", "b"], { strategy: "least-kv-cache", lookAtPod: () => undefined });
  subject.sendTo("a", [1]);
  expect(subject.send([2]).pod).toBe("b");
});

it("a hot prefix gets a second pod where the rule promises one, and stays where it does not (GATE-02: ps #957; aib #842, #2382)", () => {
  const hot = (options: Partial<FunctionRouterOptions>): number => {
    const subject = new Subject(["a", "b", "c", "d"], options);
    for (let request = 0; request < 300; request++) {
      const { requestId } = subject.send([...range(1, 600), ...range(request * 1000, request * 1000 + 99)]);
      subject.nowMs += 100;
      subject.router.firstToken?.(requestId, subject.nowMs);
    }
    return Object.values(subject.inFlight()).filter((requests) => requests > 0).length;
  };
  for (const options of [{ mode: "preble" }, { strategy: "prefix-hash" }, { strategy: "cache-aware" }] as const)
    expect(hot(options)).toBeGreaterThan(1);
  // PR #719: load decides among the owners, and makes none.
  expect(hot({})).toBe(1);
});

it.each([
  ["prefix-hash", 8],
  ["cache-aware", 64],
] as const)(
  "affinity holds up to the gate of %s, at %i requests more, and not beyond (GATE-04: sgl #32195)",
  (strategy, gate) => {
    const subject = new Subject(["warm", "idle"], { strategy });
    subject.end(subject.sendTo("warm", range(1, 160)));
    for (let request = 1; request <= gate; request++)
      subject.sendTo("warm", range(request * 1000, request * 1000 + 99));
    const atTheGate = subject.send(range(1, 160));
    expect(atTheGate).toMatchObject({ pod: "warm", reason: "prefix" });
    expect(subject.send(range(1, 160))).toMatchObject({ pod: "idle", reason: "load" });
  },
);

it.each(["prefix-cache-and-load", "prefix-hash", "cache-aware"] as const)(
  "a best match that must rest leaves its prompts to all the others: %s (GATE-05: smg #2341)",
  (strategy) => {
    const subject = new Subject(["owner", "b", "c", "d"], { strategy });
    subject.end(subject.sendTo("owner", range(1, 160)));
    const pods = range(0, 29).map(
      (index) =>
        subject.send([...range(1, 48), ...range(index * 1000, index * 1000 + 111)], { exclude: ["owner"] }).pod,
    );
    for (const pod of ["b", "c", "d"]) expect(pods.filter((name) => name === pod).length).toBeGreaterThanOrEqual(8);
    // And what they were given they have learnt.
    expect(subject.send([...range(1, 48), ...range(0, 111)], { exclude: ["owner"] }).matchedTokens).toBe(160);
  },
);

it.each(STRATEGIES)(
  "a fleet that was full and has drained is used evenly again, with no event to tell so: %s (GATE-06: dyn #12540, #13432)",
  (strategy) => {
    const subject = new Subject(["a", "b", "c", "d"], { strategy, lookAtPod: () => undefined });
    const open = range(0, 399).map((index) => subject.send(range(index * 100, index * 100 + 99)));
    for (const record of open) subject.end(record);
    const pods = range(0, 199).map((index) => {
      const record = subject.send(range(90_000 + index * 100, 90_099 + index * 100));
      subject.end(record);
      return record.pod;
    });
    // Outside (20, 80) a fair draw of 200 among 4 falls less than once in a million runs.
    for (const pod of ["a", "b", "c", "d"]) {
      const share = pods.filter((name) => name === pod).length;
      expect(share).toBeGreaterThan(20);
      expect(share).toBeLessThan(80);
    }
  },
);

it("two pods are compared in one unit, whatever else is known of one of them (GATE-07: sgl #14823)", () => {
  const lookAtPod = (name: string): PodView | undefined => (name === "told" ? { kvUsageRatio: 0 } : undefined);
  for (const strategy of ["power-of-two", "least-request", "prefix-cache-and-load"] as const) {
    const subject = new Subject(["told", "silent"], { strategy, lookAtPod });
    for (let request = 0; request < 3; request++) subject.sendTo("told", range(request * 100, request * 100 + 99));
    expect(subject.send(range(9001, 9100)).pod).toBe("silent");
  }
});

it.each(["prefix-hash", "cache-aware"] as const)(
  "a pod that is out, however loaded, is in no gate's reckoning: %s (GATE-09: vr #254)",
  (strategy) => {
    const subject = new Subject(["dead", "warm", "idle"], { strategy });
    for (let request = 0; request < 300; request++) subject.sendTo("dead", range(request * 100, request * 100 + 99));
    subject.end(subject.sendTo("warm", range(70_001, 70_160)));
    subject.sendTo("warm", range(80_001, 80_010));
    const prompt = range(70_001, 70_160);
    // With the dead pod's load in it the gate would take the idle one.
    expect(subject.send(prompt, { exclude: ["dead"] })).toMatchObject({ pod: "warm", reason: "prefix" });
  },
);

it("load is weighed in work, and one long prompt is more of it than three short ones (GATE-11: sgl #25466; ldr #2351)", () => {
  const subject = new Subject(["long", "short"]);
  subject.sendTo("long", range(1, 32_768));
  for (let request = 0; request < 3; request++)
    subject.sendTo("short", range(90_000 + request * 100, 90_099 + request * 100));
  expect(subject.inFlight()).toEqual({ long: 1, short: 3 });
  expect(subject.send(range(99_001, 99_100)).pod).toBe("short");
});

it("the threshold is a setting, and no default of another one turns affinity off under load (CFG-03: aib #814; ray #59390)", () => {
  for (const threshold of [0, 0.25, 0.5, 0.75]) {
    for (const [known, reason] of [
      [threshold * 100, "cost"],
      [threshold * 100 + 1, "prefix"],
    ] as const) {
      const subject = new Subject(["a", "b"], { threshold });
      subject.end(subject.sendTo("a", range(1, known)));
      expect(subject.send([...range(1, known), ...range(901, 1000 - known)])).toMatchObject({ reason, threshold });
    }
  }
  const subject = new Subject(["owner", "b", "c"]);
  for (let request = 0; request < 500; request++) subject.sendTo("owner", [...range(1, 600), request]);
  expect(subject.send(range(1, 600))).toMatchObject({ pod: "owner", reason: "prefix" });
});
